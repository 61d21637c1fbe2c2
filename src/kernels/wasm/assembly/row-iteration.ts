/**
 * Walking the blocked layout [block][halo + H + halo][halo + W + halo][C][lanes]. The unit of work of most kernels is one
 * row of pixels of one block: contiguous in memory, without halo, and a multiple of 16 bytes.
 */
import { TensorRecord } from "../records/tensor";

/** Address of row `unit` % H of block `unit` / H of a tensor. */
// @inline
export function rowOf(tensor: TensorRecord, unit: i32): usize {
  return rowAt(tensor.origin, tensor.rowBytes, tensor.blockBytes, tensor.H, unit);
}

/** The same where H, and the distances of rows and blocks, are not those of a tensor. */
// @inline
export function rowAt(origin: usize, rowBytes: usize, blockBytes: usize, H: i32, unit: i32): usize {
  return origin + <usize>(unit / H) * blockBytes + <usize>(unit % H) * rowBytes;
}

/** Bytes of the pixels of a row, without halo. */
// @inline
export function contentBytes(tensor: TensorRecord): usize {
  return <usize>tensor.W * tensor.pixelBytes;
}

/** All ones in those of the lanes first … first + 3 that lie below `live`. */
// @inline
export function liveLanes(first: i32, live: i32): v128 {
  return i32x4.gt_s(i32x4.splat(live - first), i32x4(0, 1, 2, 3));
}

/** All ones to keep what a target holds and add to it, zero to overwrite it. */
// @inline
export function keepIf(accumulate: i32): v128 {
  return i32x4.splat(-accumulate);
}
