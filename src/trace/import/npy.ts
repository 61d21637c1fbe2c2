/**
 * Arrays as `numpy.save` writes them: magic, version, header (a Python dictionary), elements. Format: NumPy Enhancement
 * Proposal 1 and numpy.lib.format, versions 1.0 to 3.0. Only which elements are zero matters here, so that no element is decoded: one
 * is zero when all of its bytes are, but for the sign of a float.
 */
import { InputError } from "../../io/faults.ts";
import { sizeOf } from "../../kernels/geometry.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const LENGTH_AT = 8;
const LENGTH_BYTES: Readonly<Record<number, number>> = { 1: 2, 2: 4, 3: 4 };
const HEADER =
  /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\)\s*,?\s*\}\s*$/;
const DTYPE = /^(?:\|b1|\|[iu]1|<(?:[iu][1248]|f[248]))$/;
/** All bits of the last byte of a little-endian float but its sign. */
const UNSIGNED = 0x7f;

/** The zeros of an array, and its bytes where they are a packed mask. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** 1 where an element is not zero, else 0; C order, whatever the order in the file. −0 is zero, NaN is not. */
  readonly nonzeros: Uint8Array;
  /** The elements as they are stored. */
  readonly payload: Uint8Array;
}

/** Reads an array of booleans, integers or floats, little-endian, in C or Fortran order. @throws InputError beginning with `where`. */
export function parseNpy(bytes: Uint8Array, where: string): NpyArray {
  const fail = (what: string): never => {
    throw new InputError([`${where}: ${what}`]);
  };
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) fail("is not a .npy file: wrong magic bytes");
  const lengthBytes = LENGTH_BYTES[bytes[MAGIC.length]] ?? fail(`version: got ${bytes[MAGIC.length]}; known: 1, 2, 3`);
  if (bytes.length < LENGTH_AT + lengthBytes) fail(`file is cut: got ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = lengthBytes === 2 ? view.getUint16(LENGTH_AT, true) : view.getUint32(LENGTH_AT, true);
  const start = LENGTH_AT + lengthBytes + length;
  if (bytes.length < start) fail(`file is cut: the header ends at byte ${start}, got ${bytes.length} bytes`);
  const header = new TextDecoder("latin1").decode(bytes.subarray(LENGTH_AT + lengthBytes, start));
  const [, dtype, fortran, sizes] =
    HEADER.exec(header) ?? fail(`header is not one of numpy.save, got ${header.trim()}`);
  if (!DTYPE.test(dtype))
    fail(`dtype: got "${dtype}"; valid: bool, and little-endian int, uint and float of 1 to 8 bytes`);
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const elementBytes = Number(dtype.slice(2));
  const payload = bytes.subarray(start);
  const expected = sizeOf(shape) * elementBytes;
  if (payload.length !== expected) fail(`${dtype} [${shape}] takes ${expected} bytes, got ${payload.length}`);
  const stored = nonzeroElements(payload, elementBytes, dtype[1] === "f");
  return { shape, dtype, payload, nonzeros: fortran === "True" ? toCOrder(stored, shape) : stored };
}

function nonzeroElements(payload: Uint8Array, elementBytes: number, isFloat: boolean): Uint8Array {
  const nonzeros = new Uint8Array(payload.length / elementBytes);
  const last = elementBytes - 1;
  for (let i = 0, at = 0; i < nonzeros.length; i++, at += elementBytes) {
    let bits = isFloat ? payload[at + last] & UNSIGNED : payload[at + last];
    for (let byte = 0; byte < last; byte++) bits |= payload[at + byte];
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
