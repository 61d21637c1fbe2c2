/**
 * Masks as the golden cases store them: `numpy.packbits` of the flattened C-order mask, most significant bit first, in a
 * one-dimensional `.npy` or in base64. The programs call dimension 2 "x" and walk it fastest; our fastest dimension is the
 * last, so both spatial dimensions change places on the way in.
 */
import { readFile } from "node:fs/promises";
import { type BitMask, setBit, sliceSize, zerosMask } from "../../src/core/bit-mask.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import { checkBits } from "./case-files.ts";

const NPY_MAGIC = "\x93NUMPY";
const NPY_HEADER_LENGTH_AT = 8;
const NPY_HEADER_AT = 10;

/** Payload of a version-1 `.npy` of dtype |u1. @throws Error for anything else. */
export async function readNpyBytes(path: string): Promise<Uint8Array> {
  const file = await readFile(path);
  if (file.length < NPY_HEADER_AT) throw new Error(`${path}: too short for a .npy, got ${file.length} bytes`);
  const end = NPY_HEADER_AT + file.readUInt16LE(NPY_HEADER_LENGTH_AT);
  const header = file.toString("latin1", NPY_HEADER_AT, end);
  if (file.toString("latin1", 0, NPY_MAGIC.length) !== NPY_MAGIC || !header.includes("'|u1'")) {
    throw new Error(`${path}: expected a version-1 .npy of |u1, got header ${header.trim()}`);
  }
  return file.subarray(end);
}

/**
 * The mask of packed `bits` of shape [outer, channels, x, y] as our mask of shape [outer, channels, y, x]. Throws when
 * `where` holds another number of bytes.
 */
export function transposedMask(bits: Uint8Array, shape: readonly number[], where: string): BitMask {
  checkBits(bits, sizeOf(shape), where);
  const [outer, channels, X = 1, Y = 1] = shape;
  const mask = zerosMask([outer, channels, Y, X]);
  let index = 0;
  for (let n = 0; n < outer; n++) {
    for (let c = 0; c < channels; c++) {
      for (let x = 0; x < X; x++) {
        for (let y = 0; y < Y; y++, index++) {
          if (((bits[index >> 3] >> (7 - (index & 7))) & 1) === 1) setBit(mask, n, (c * Y + y) * X + x);
        }
      }
    }
  }
  return mask;
}

/** Outermost slice `slice` of a mask, as a mask with one slice. */
export function sliceOf(mask: BitMask, slice: number): BitMask {
  const bytes = (sliceSize(mask.shape) + 7) >> 3;
  return { shape: [1, ...mask.shape.slice(1)], bytes: mask.bytes.subarray(slice * bytes, (slice + 1) * bytes) };
}
