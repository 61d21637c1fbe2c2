/**
 * The header of a `.npy` file: a Python dictionary with `descr`, `fortran_order` and `shape`, in any order, quoting and spacing
 * that programs write, not only as `numpy.save` does (cnpy writes `<b1`, Python 2 `(4L, 3L)`). Source: NumPy Enhancement Proposal 1 and
 * numpy.lib.format.
 */
import { InputError } from "../../io/faults.ts";

/** What a header says. */
export interface NpyHeader {
  /** As the file spells it. */
  readonly dtype: string;
  readonly element: Element;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** How the elements lie in the file. */
export interface Element {
  readonly kind: "bool" | "integer" | "float" | "complex";
  readonly sizeBytes: number;
  readonly bigEndian: boolean;
}

/** Python 2 wrote `u'…'` for text. */
const ENTRY =
  /\s*[ub]?(['"])(descr|fortran_order|shape)\1\s*:\s*(?:[ub]?(['"])([^'"]*)\3|(True|False)|\(([\d\sL,]*)\))\s*(,|(?=\}))/y;
const DTYPE = /^([<>=|]?)(?:([biufc])(\d+)|(\?|bool|bool_))$/;
const SIZES: Readonly<Record<string, readonly number[]>> = {
  b: [1],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  f: [2, 4, 8],
  c: [8, 16],
};
const KINDS: Readonly<Record<string, Element["kind"]>> = {
  b: "bool",
  i: "integer",
  u: "integer",
  f: "float",
  c: "complex",
};
const LETTERS: Readonly<Record<string, string>> = { bool: "b", int: "i", uint: "u", float: "f", complex: "c" };
/** `float32` and the like; a size in bits. */
const NAMED = /^(int|uint|float|complex)(\d+)$/;

/** Reads a header. @throws Error that says what is wrong, without the name of the file. */
export function parseNpyHeader(text: string): NpyHeader {
  const entries = dictionary(text);
  const dtype = entries.get("descr");
  const fortran = entries.get("fortran_order");
  const sizes = entries.get("shape");
  if (typeof dtype !== "string" || typeof fortran !== "boolean" || !Array.isArray(sizes)) throw notAHeader(text);
  return { dtype, element: elementOf(dtype), fortran, shape: sizes };
}

type Value = string | boolean | number[];

function dictionary(text: string): Map<string, Value> {
  const entries = new Map<string, Value>();
  const body = text.trim();
  ENTRY.lastIndex = 1;
  while (body[0] === "{") {
    const found = ENTRY.exec(body);
    if (found === null) break;
    const [, , key, , string, boolean, sizes] = found;
    const at = found.index + found[0].length;
    if (entries.has(key)) throw new InputError([`header has the key "${key}" twice`]);
    entries.set(key, string ?? (boolean === undefined ? shapeOf(sizes) : boolean === "True"));
    if (/^\s*\}$/.test(body.slice(at))) return entries;
    ENTRY.lastIndex = at;
  }
  if (/['"]descr['"]\s*:\s*\[/.test(text)) throw new InputError(["holds records; valid: an array of one number each"]);
  throw notAHeader(text);
}

function shapeOf(sizes: string): number[] {
  const extents = sizes.split(",").map((size) => size.trim());
  // A tuple of one ends in a comma, and so may any other.
  if (extents.at(-1) === "") extents.pop();
  if (!extents.every((size) => /^\d+L?$/.test(size))) throw new InputError([`shape: must be sizes, got (${sizes})`]);
  return extents.map((size) => Number(size.replace("L", "")));
}

function elementOf(dtype: string): Element {
  const named = NAMED.exec(dtype);
  const [, order, letter = "b", digits = "1"] =
    (named === null ? DTYPE.exec(dtype) : ["", "", LETTERS[named[1]], String(Number(named[2]) / 8)]) ??
    refuseDtype(dtype);
  const sizeBytes = Number(digits);
  if (!SIZES[letter].includes(sizeBytes)) refuseDtype(dtype);
  return { kind: KINDS[letter], sizeBytes, bigEndian: order === ">" };
}

function refuseDtype(dtype: string): never {
  if (/^[|<>=]?O/.test(dtype)) {
    throw new InputError([
      `dtype: got "${dtype}", pickled Python objects; valid: numbers (array.astype(bool) before saving)`,
    ]);
  }
  throw new InputError([
    `dtype: got "${dtype}"; valid: bool, int and uint of 1 to 8 bytes, float of 2 to 8, complex of 8 or 16, of either byte order`,
  ]);
}

const MOST_SHOWN = 200;

function notAHeader(text: string): Error {
  return new InputError([
    `header must have descr, fortran_order and shape once each, got ${text.trim().slice(0, MOST_SHOWN)}`,
  ]);
}
