/**
 * Bit masks of tensors: one bit an element, 1 = nonzero. Each outermost slice (image or filter) is padded to a whole
 * byte and stored least significant bit first, as `np.packbits(m.reshape(m.shape[0], -1), axis=1, bitorder="little")`,
 * so that slices can be read from a file by range.
 */

/** Elements of the largest mask: they are addressed by 32-bit integers. */
export const MOST_ELEMENTS = 2 ** 31 - 1;

/** Packed mask of a tensor of `shape`; `bytes` holds shape[0] slices of `sliceBytes(shape)` bytes. */
export interface BitMask {
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Elements of one outermost slice. */
export function sliceSize(shape: readonly number[]): number {
  let size = 1;
  for (let axis = 1; axis < shape.length; axis++) size *= shape[axis];
  return size;
}

/** Bytes of one outermost slice of the packed mask. */
export function sliceBytes(shape: readonly number[]): number {
  return Math.ceil(sliceSize(shape) / 8);
}

/** A mask without a one. */
export function zerosMask(shape: readonly number[]): BitMask {
  return { shape, bytes: new Uint8Array(shape[0] * sliceBytes(shape)) };
}

/** The mask of a dense tensor, not to be changed. Its bytes are made when they are first read, which counts alone never need. */
class FullMask implements BitMask {
  #bytes: Uint8Array | undefined;

  constructor(readonly shape: readonly number[]) {}

  get bytes(): Uint8Array {
    this.#bytes ??= onesMask(this.shape).bytes;
    return this.#bytes;
  }
}

/** A mask of ones that takes no memory until its bytes are read; not to be changed. */
export function fullMask(shape: readonly number[]): BitMask {
  return new FullMask(shape);
}

/** Whether a mask is one of `fullMask`: of ones, which nobody has to count. */
export function isMarkedFull(mask: BitMask): boolean {
  return mask instanceof FullMask;
}

/** The same elements in another shape with slices of the same size; not to be changed. */
export function reshaped(mask: BitMask, shape: readonly number[]): BitMask {
  return mask instanceof FullMask ? new FullMask(shape) : { shape, bytes: mask.bytes };
}

/** A mask of ones: a dense tensor. Tail bits stay zero. */
export function onesMask(shape: readonly number[]): BitMask {
  const mask = zerosMask(shape);
  mask.bytes.fill(0xff);
  const tail = sliceSize(shape) % 8;
  if (tail !== 0) {
    const stride = sliceBytes(shape);
    for (let last = stride - 1; last < mask.bytes.length; last += stride) mask.bytes[last] = (1 << tail) - 1;
  }
  return mask;
}

/** How many elements are not zero; −0 is zero, NaN is not. */
export function countNonzeros(values: Float32Array | Uint8Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) count++;
  return count;
}

/** Mask of the elements of `values` (C order, of `shape`) that are not zero; −0 is zero, NaN is not. */
export function maskOfNonzeros(values: Float32Array | Uint8Array, shape: readonly number[]): BitMask {
  const mask = zerosMask(shape);
  const size = sliceSize(shape);
  const stride = sliceBytes(shape);
  for (let slice = 0; slice < shape[0]; slice++) {
    const from = slice * size;
    const to = slice * stride;
    for (let i = 0; i < size; i++) if (values[from + i] !== 0) mask.bytes[to + (i >> 3)] |= 1 << (i & 7);
  }
  return mask;
}

/** Whether element `index` of outermost slice `slice` is set. */
export function getBit(mask: BitMask, slice: number, index: number): boolean {
  return ((mask.bytes[slice * sliceBytes(mask.shape) + (index >> 3)] >> (index & 7)) & 1) === 1;
}

/** Sets element `index` of outermost slice `slice`. */
export function setBit(mask: BitMask, slice: number, index: number): void {
  mask.bytes[slice * sliceBytes(mask.shape) + (index >> 3)] |= 1 << (index & 7);
}

/** Ones of a 32-bit word. */
export function popcount32(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}

/** Ones of the mask, or of outermost slices [from, to). */
export function countOnes(mask: BitMask, from = 0, to = mask.shape[0]): number {
  if (mask instanceof FullMask) return (to - from) * sliceSize(mask.shape);
  const stride = sliceBytes(mask.shape);
  const { buffer, byteOffset } = mask.bytes;
  const first = byteOffset + from * stride;
  const end = byteOffset + to * stride;
  const view = new DataView(buffer);
  let at = first;
  let count = 0;
  for (; at + 4 <= end; at += 4) count += popcount32(view.getInt32(at, true));
  for (; at < end; at++) count += popcount32(view.getUint8(at));
  return count;
}

/** Visits the ones of a mask by their position in C order, from the first. */
export function forEachOne({ shape, bytes }: BitMask, visit: (position: number) => void): void {
  const size = sliceSize(shape);
  const stride = sliceBytes(shape);
  for (let at = 0; at < bytes.length; at++) {
    const first = Math.floor(at / stride) * size + (at % stride) * 8;
    for (let rest = bytes[at]; rest !== 0; rest &= rest - 1) visit(first + 31 - Math.clz32(rest & -rest));
  }
}

/** Whether outermost slices [from, to) hold ones alone. */
export function isFull(mask: BitMask, from = 0, to = mask.shape[0]): boolean {
  if (mask instanceof FullMask) return true;
  const { shape, bytes } = mask;
  const stride = sliceBytes(shape);
  const lastByte = 0xff >> (stride * 8 - sliceSize(shape));
  for (let slice = from; slice < to; slice++) {
    const last = (slice + 1) * stride - 1;
    for (let at = slice * stride; at < last; at++) if (bytes[at] !== 0xff) return false;
    if (stride > 0 && bytes[last] !== lastByte) return false;
  }
  return true;
}
