/** How kernels are told where the rows of a tensor lie; their unit of work is one row of one block. */
import type { Tensor } from "../backend.ts";
import { type BlockedTensor, blocksOf } from "./layout.ts";

/** The tensor as this backend has made it. */
export function blocked(tensor: Tensor): BlockedTensor {
  return tensor as BlockedTensor;
}

/** Three arguments of kernels: address of the first row, bytes from row to row and from block to block. */
export function rowsOf({ origin, rowBytes, blockBytes }: BlockedTensor): [number, number, number] {
  return [origin, rowBytes, blockBytes];
}

/** Rows of the blocks that `batch` images fill. */
export function rowCount(tensor: BlockedTensor, batch: number): number {
  return blocksOf(tensor, batch) * tensor.shape[1];
}

/** Bytes of the pixels of a row, without halo. */
export function contentBytes({ shape, pixelBytes }: BlockedTensor): number {
  return shape[2] * pixelBytes;
}
