/** Ones of a mask [slices, ...] by element of a slice, eight elements at a time in a byte each, and by position of a plane. */
import { type BitMask, isFull, sliceBytes, sliceSize } from "../../core/bit-mask.ts";
import { once } from "../../core/memoize.ts";

/** Counts by element, of a whole number of bytes: there may be more than elements. */
export type Counts = Uint8Array | Uint32Array;

/** Four bits as four bytes, lowest first. */
const BYTES_OF_BITS = Uint32Array.from({ length: 16 }, (_, bits) =>
  [0, 1, 2, 3].reduce((bytes, i) => bytes + ((bits >> i) & 1) * 256 ** i, 0),
);
const MOST_IN_BYTE = 255;

/** Ones of each element over slices [from, to), counted once. */
export function countOverSlices(mask: BitMask, from: number, to: number): Counts {
  return once(mask, ["ones over slices", from, to], () => sumOfSlices(mask, from, to));
}

/** The same, each time anew. */
export function sumOfSlices({ shape, bytes }: BitMask, from: number, to: number): Counts {
  const stride = sliceBytes(shape);
  const counts = to - from <= MOST_IN_BYTE ? null : new Uint32Array(stride * 8);
  const inBytes = new Uint8Array(stride * 8);
  const fours = new Uint32Array(inBytes.buffer);
  for (let slice = from, left = MOST_IN_BYTE; slice < to; slice++) {
    for (let byte = 0, at = slice * stride; byte < stride; byte++, at++) {
      const bits = bytes[at];
      if (bits === 0) continue;
      fours[2 * byte] += BYTES_OF_BITS[bits & 15];
      fours[2 * byte + 1] += BYTES_OF_BITS[bits >> 4];
    }
    if (counts === null || (--left > 0 && slice < to - 1)) continue;
    for (let i = 0; i < counts.length; i++) counts[i] += inBytes[i];
    inBytes.fill(0);
    left = MOST_IN_BYTE;
  }
  return counts ?? inBytes;
}

/** [Y · X]: ones of slices [from, to) of a mask [A, B, Y, X], over all their planes. */
export function onesOfPlane(mask: BitMask, from: number, to: number): Float64Array {
  const [, planes, height, width] = mask.shape;
  const size = height * width;
  const ones = new Float64Array(Math.max(0, size));
  if (isFull(mask, from, to)) return ones.fill((to - from) * planes);
  const counts = countOverSlices(mask, from, to);
  const elements = sliceSize(mask.shape);
  for (let at = 0; at < elements; at += size) for (let i = 0; i < size; i++) ones[i] += counts[at + i];
  return ones;
}
