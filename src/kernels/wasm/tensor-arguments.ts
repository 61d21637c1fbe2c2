/** Tensors as arguments of kernels, whose unit of work is mostly one row of one block. */
import type { Tensor } from "../backend.ts";
import { type BlockedTensor, blocksOf } from "./layout.ts";

/** The tensor as this backend has made it. */
export function blocked(tensor: Tensor): BlockedTensor {
  return tensor as BlockedTensor;
}

/** Rows of the blocks that `batch` images fill. */
export function rowCount(tensor: BlockedTensor, batch: number): number {
  return blocksOf(tensor, batch) * tensor.shape[1];
}

/** Bytes of the pixels of a row, without halo. */
export function contentBytes({ shape, pixelBytes }: BlockedTensor): number {
  return shape[2] * pixelBytes;
}
