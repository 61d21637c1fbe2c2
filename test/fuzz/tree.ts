/** A file as a tree of values, whatever its format, and mutations of one value in it. */
import { mutatedBytes } from "./bytes.ts";
import type { Draw } from "./draw.ts";

/** Text that stands in a file as it is: numbers that no double is, many levels, references. */
export class Verbatim {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Tree = null | boolean | number | string | Uint8Array | Verbatim | Tree[] | Branch;
/** Without a prototype, so that `__proto__` is a key like any other. */
export interface Branch {
  [key: string]: Tree;
}

/** A tree of a parsed value. */
export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value !== "object" || value === null) return value as Tree;
  if (value instanceof Uint8Array || value instanceof Verbatim) return value;
  return branch(Object.entries(value).map(([key, inner]) => [key, treeOf(inner)]));
}

function branch(entries: Iterable<readonly [string, Tree]>): Branch {
  const made: Branch = Object.create(null);
  for (const [key, value] of entries) made[key] = value;
  return made;
}

export function isBranch(tree: Tree): tree is Branch {
  return (
    typeof tree === "object" &&
    tree !== null &&
    !Array.isArray(tree) &&
    !(tree instanceof Uint8Array) &&
    !(tree instanceof Verbatim)
  );
}

/** Values, characters and bytes of a tree, counted until they are more than `most`. */
export function sizeUpTo(most: number, tree: Tree): number {
  if (typeof tree === "string" || tree instanceof Uint8Array) return 1 + tree.length;
  if (tree instanceof Verbatim) return 1 + tree.text.length;
  const parts = Array.isArray(tree) ? tree : isBranch(tree) ? Object.values(tree) : [];
  let size = 1;
  for (const part of parts) {
    if (size > most) break;
    size += sizeUpTo(most - size, part);
  }
  return size;
}

const NUMBERS = [
  ...[0, -0, 1, -1, 2, 3, 7, 0.5, -0.5, 1 / 3, 1.5, 10, 64, 255, 256, 1000, 4097, 65_535, 65_536, 1e6, 1e9],
  ...[
    2 ** 20,
    2 ** 24,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
  ],
  ...[-(2 ** 31), -(2 ** 53), 1e16, 1e21, 1e300, Number.MAX_VALUE, 1e-9, 1e-300, Number.MIN_VALUE],
];
/** Names that objects of the language have, and that a table looked up carelessly would find. */
export const SPECIAL_KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "length",
  "name",
  "then",
  "toJSON",
];
const STRINGS = [
  ...[
    "",
    " ",
    "\0",
    "\n",
    "a\nb",
    "\r",
    "\t",
    "\u001b[2J\u001b]0;x\u0007",
    "\u202eabc",
    "\u2028",
    "\ud800",
    "\ufeff",
    "é",
    "😀",
  ],
  ...[
    "../../x",
    "/",
    ".",
    "a/b",
    "a\\b",
    "x.json",
    "=1+1",
    "@a",
    "<script>alert(1)</script>",
    '"',
    "'",
    "--help",
    "-1",
    "%s%n",
  ],
  ...[
    "0",
    "1e9",
    "1e999",
    "NaN",
    "Infinity",
    "1 GHz",
    "0 GHz",
    "-1 GHz",
    "1e300 GB/s",
    "1e-300 B",
    "1 XB",
    "8 b",
    "16 KiB",
  ],
  ...["0x10", "1_000", "true", "null", "[1]", "{}", "1/0", "2^1000", "a".repeat(300), "(".repeat(40), "1+".repeat(300)],
  ...["45nm", "dadiannao-4096", "lenet5", "swat-u", "image", "bitmap", "dense", "fp32", "forward", "conv", "weight"],
];
const TEXTS = [
  "NaN",
  "Infinity",
  "1e999",
  "-1e999",
  "01",
  "1.",
  "undefined",
  "&a [*a]",
  "!!js/function x",
  "<<: *a",
  "# x",
  "// x",
];
const LEVELS = [3, 40, 63, 64, 65, 200, 5000, 100_000];
const LENGTHS = [20, 300, 5000, 100_000];
const COPIES = [2, 3, 10, 100, 1000, 20_000];

export function oddString(draw: Draw): string {
  if (draw.chance(0.15)) return draw.pick(["x", "\n", "\u001b", "é", "["]).repeat(draw.pick(LENGTHS));
  return draw.pick(draw.chance(0.2) ? SPECIAL_KEYS : STRINGS);
}

function oddNumber(draw: Draw): number {
  return draw.chance(0.8) ? draw.pick(NUMBERS) : draw.below(2 ** draw.below(33));
}

/** A value that fits nowhere, or nearly. */
function oddValue(draw: Draw): Tree {
  return draw.pick<() => Tree>([
    () => oddNumber(draw),
    () => oddNumber(draw),
    () => oddString(draw),
    () => draw.pick([null, true, false]),
    () => draw.pick<Tree>([[], branch([]), [[]], [null], branch([["", null]]), branch([[draw.pick(SPECIAL_KEYS), 1]])]),
    () => new Verbatim(draw.pick(TEXTS)),
    () => {
      const levels = draw.pick(LEVELS);
      return new Verbatim(
        draw.chance(0.5) ? "[".repeat(levels) + "]".repeat(levels) : `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`,
      );
    },
    () => Array.from({ length: draw.pick(COPIES) }, (_, i) => i + 1),
  ])();
}

/** `tree` with one value in it changed; nothing of `tree` itself. */
export function mutatedTree(tree: Tree, draw: Draw): Tree {
  if (Array.isArray(tree)) {
    if (tree.length === 0 || draw.chance(0.2)) return mutatedList(tree, draw);
    const at = draw.below(tree.length);
    return tree.with(at, mutatedTree(tree[at], draw));
  }
  if (isBranch(tree)) {
    const entries = Object.entries(tree);
    if (entries.length === 0 || draw.chance(0.15)) return mutatedBranch(entries, draw);
    const at = draw.below(entries.length);
    return branch(entries.with(at, [entries[at][0], mutatedTree(entries[at][1], draw)]));
  }
  return mutatedLeaf(tree, draw);
}

function mutatedLeaf(leaf: Tree, draw: Draw): Tree {
  if (leaf instanceof Uint8Array && draw.chance(0.95)) return mutatedBytes(leaf, draw);
  if (typeof leaf === "number" && draw.chance(0.8)) {
    return draw.pick([
      () => oddNumber(draw),
      () => leaf + draw.pick([1, -1, 0.5]),
      () => leaf * draw.pick([2, 0.5, -1, 1000]),
    ])();
  }
  if (typeof leaf === "boolean" && draw.chance(0.5)) return !leaf;
  if (typeof leaf === "string" && draw.chance(0.8)) return mutatedText(leaf, draw);
  return oddValue(draw);
}

function mutatedText(text: string, draw: Draw): string {
  const at = draw.below(text.length + 1);
  const number = /\d+(\.\d+)?/;
  return draw.pick([
    () => oddString(draw),
    () => text.slice(0, at),
    () => text.slice(at),
    () => text.slice(0, at) + oddString(draw) + text.slice(at),
    () => text.slice(0, at) + text.slice(at + 1),
    () => text.repeat(draw.pick([2, 3, 100])),
    () => text.replace(number, String(oddNumber(draw))),
    () => text.toUpperCase(),
  ])();
}

function mutatedList(list: readonly Tree[], draw: Draw): Tree {
  const at = draw.below(list.length);
  const other = draw.below(list.length);
  return draw.pick<() => Tree>([
    () => list.toSpliced(at, 1),
    () => list.toSpliced(at, 0, oddValue(draw)),
    () => (list.length === 0 ? [oddValue(draw)] : list.with(at, list[other]).with(other, list[at])),
    () => list.toSpliced(at, 0, ...new Array<Tree>(draw.pick(COPIES)).fill(list.length === 0 ? 1 : list[at])),
    () => list.slice(0, at),
    () => [[...list]],
    () => oddValue(draw),
  ])();
}

function mutatedBranch(entries: readonly (readonly [string, Tree])[], draw: Draw): Tree {
  const at = draw.below(entries.length);
  const other = draw.below(entries.length);
  const odd = () => (draw.chance(0.4) ? draw.pick(SPECIAL_KEYS) : oddString(draw));
  if (entries.length === 0) return draw.chance(0.5) ? branch([[odd(), oddValue(draw)]]) : oddValue(draw);
  const [key, value] = entries[at];
  return draw.pick<() => Tree>([
    () => branch(entries.toSpliced(at, 1)),
    () => branch(entries.with(at, [odd(), value])),
    () => branch([...entries, [odd(), draw.chance(0.5) ? value : oddValue(draw)]]),
    () => branch(entries.with(at, [key, entries[other][1]]).with(other, [entries[other][0], value])),
    () => branch(entries.toReversed()),
    () => branch([...entries, ...Array.from({ length: draw.pick(COPIES) }, (_, i) => [`${key}${i}`, value] as const)]),
    () => [branch(entries)],
    () => oddValue(draw),
  ])();
}
