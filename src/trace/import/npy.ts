/**
 * Arrays of NumPy: magic, version, header (npy-header.ts), elements. Format: NumPy Enhancement Proposal 1 and numpy.lib.format,
 * versions 1.0 to 3.0. Only which elements are zero matters here, so no element is decoded: one is zero when all of its bytes
 * are, but for the sign of a float.
 */

import { sizeOf } from "../../core/geometry.ts";
import { InputError, within } from "../../io/faults.ts";
import { foreignFormat } from "../../io/foreign-format.ts";
import { type Element, parseNpyHeader } from "./npy-header.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const LENGTH_AT = 8;
const LENGTH_BYTES: Readonly<Record<number, number>> = { 1: 2, 2: 4, 3: 4 };
/** All bits of the byte of a float that holds its sign, but the sign. */
const UNSIGNED = 0x7f;

/** The zeros of an array, and its bytes where they are a packed mask. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** As the file spells it. */
  readonly dtype: string;
  /** Whether an element is a byte without a sign, as packed masks are stored. */
  readonly isBytes: boolean;
  /** 1 where an element is not zero, else 0; C order, whatever the order in the file. −0 is zero, NaN is not. */
  readonly nonzeros: Uint8Array;
  /** The elements as they are stored. */
  readonly payload: Uint8Array;
}

/** Reads an array of booleans, integers, floats or complex numbers. @throws InputError beginning with `where`. */
export function parseNpy(bytes: Uint8Array, where: string): NpyArray {
  const fail = (what: string): never => {
    throw new InputError([`${where}: ${what}`]);
  };
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    const foreign = foreignFormat(bytes);
    fail(foreign === undefined ? "is not a .npy file: wrong magic bytes" : `is not a .npy file but ${foreign}`);
  }
  const lengthBytes = LENGTH_BYTES[bytes[MAGIC.length]] ?? fail(`version: got ${bytes[MAGIC.length]}; known: 1, 2, 3`);
  if (bytes.length < LENGTH_AT + lengthBytes) fail(`file is cut: got ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = lengthBytes === 2 ? view.getUint16(LENGTH_AT, true) : view.getUint32(LENGTH_AT, true);
  const start = LENGTH_AT + lengthBytes + length;
  if (bytes.length < start) fail(`file is cut: the header ends at byte ${start}, got ${bytes.length} bytes`);
  const text = new TextDecoder("latin1").decode(bytes.subarray(LENGTH_AT + lengthBytes, start));
  const { dtype, element, fortran, shape } = within(where, () => parseNpyHeader(text));
  const payload = bytes.subarray(start);
  const expected = sizeOf(shape) * element.sizeBytes;
  if (payload.length !== expected) fail(`${dtype} [${shape}] takes ${expected} bytes, got ${payload.length}`);
  const stored = nonzeroElements(payload, element);
  const isBytes = element.kind === "integer" && dtype.includes("u") && element.sizeBytes === 1;
  return { shape, dtype, isBytes, payload, nonzeros: fortran ? toCOrder(stored, shape) : stored };
}

function nonzeroElements(payload: Uint8Array, { kind, sizeBytes, bigEndian }: Element): Uint8Array {
  const nonzeros = new Uint8Array(payload.length / sizeBytes);
  const bitsThatCount = new Uint8Array(sizeBytes).fill(0xff);
  // A complex number is two floats.
  const floatBytes = kind === "float" ? sizeBytes : kind === "complex" ? sizeBytes / 2 : Number.POSITIVE_INFINITY;
  for (let first = 0; first + floatBytes <= sizeBytes; first += floatBytes) {
    bitsThatCount[bigEndian ? first : first + floatBytes - 1] = UNSIGNED;
  }
  for (let i = 0, at = 0; i < nonzeros.length; i++) {
    let bits = 0;
    for (let byte = 0; byte < sizeBytes; byte++, at++) bits |= payload[at] & bitsThatCount[byte];
    nonzeros[i] = bits === 0 ? 0 : 1;
  }
  return nonzeros;
}

/** Elements whose first index runs fastest, reordered so that the last one does. */
function toCOrder(elements: Uint8Array, shape: readonly number[]): Uint8Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const ordered = new Uint8Array(elements.length);
  const index = new Int32Array(shape.length);
  for (let i = 0, from = 0; i < ordered.length; i++) {
    ordered[i] = elements[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return ordered;
}
