/**
 * The order in which an array reads an operand, and in which memory stores it where the format depends on it: what the array
 * reduces over follows one another.
 *
 *     forward      channels of a position: input [N, H, W, C], weight [K, R, S, C/groups]
 *     inputGrad    output channels of a position: outputGrad [N, P, Q, K], weight [C, R, S, K/groups]
 *     weightGrad   positions of a channel, as masks are recorded
 */
import { type BitMask, forEachOne, sliceSize, zerosMask } from "../../core/bit-mask.ts";
import type { ConvGeometry } from "../../core/geometry.ts";
import type { Accelerator } from "../hardware/accelerator.ts";
import type { Operand, Pass } from "../operation/operation.ts";

/** The pass whose order an accelerator reads in during `pass`: forward's as long as its lanes hold the same. */
export function readingOrder({ mappings, readsPlanes = false }: Accelerator, pass: Pass): Pass {
  if (readsPlanes) return "weightGrad";
  return mappings[pass].lanes === mappings.forward.lanes ? "forward" : pass;
}

/** How an operand of a convolution is read. */
export interface Reading {
  readonly operand: Operand;
  readonly order: Pass;
  readonly geometry: Pick<ConvGeometry, "K" | "groups">;
}

/** The same mask, of the shape that the geometry gives the operand, with its elements in the order in which they are read. */
export function inReadingOrder(mask: BitMask, { operand, order, geometry: { K, groups } }: Reading): BitMask {
  if (order === "weightGrad") return mask;
  const [slices, channels, rows, columns] = mask.shape;
  if (operand !== "weight" || order === "forward") {
    return transposed(mask, channels, rows * columns, [slices, rows, columns, channels]);
  }
  const filters = K / groups;
  return transposed(mask, filters, channels * rows * columns, [groups * channels, rows, columns, filters]);
}

/** A mask of blocks [height, width] as one of blocks [width, height], cut into the slices of `shape`. */
function transposed(mask: BitMask, height: number, width: number, shape: readonly number[]): BitMask {
  const turned = zerosMask(shape);
  const size = sliceSize(shape);
  const stride = turned.bytes.length / Math.max(1, shape[0]);
  forEachOne(mask, (position) => {
    const column = position % width;
    const line = (position - column) / width;
    const row = line % height;
    const at = (line - row) * width + column * height + row;
    const inSlice = at % size;
    turned.bytes[((at - inSlice) / size) * stride + (inSlice >> 3)] |= 1 << (inSlice & 7);
  });
  return turned;
}
