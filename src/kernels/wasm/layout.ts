/**
 * Layout of activations and gradients in the SIMD builds, the same for dense and sparse kernels:
 *
 *     [block][halo + H + halo][halo + W + halo][C][lanes]     32-bit floats
 *
 * A block is up to 32 images side by side: they are the vector dimension, so that the size of an image never matters and
 * stride, 1×1 kernels and gradients are a matter of offsets. The halo is zero and stays so, and so do the lanes of images
 * beyond the batch: every kernel that writes a tensor writes zeros there or leaves them alone.
 */
import type { Halo, Tensor } from "../backend.ts";
import { createRecord } from "./records/record.ts";
import { TensorRecord } from "./records/tensor.ts";
import type { Runner } from "./run/runner.ts";

/** A tensor in the memory of a SIMD build; every size in bytes is a multiple of 16. */
export interface BlockedTensor extends Tensor {
  readonly halo: Halo;
  /** Images of a block: 4, 8, 16 or 32. */
  readonly lanes: number;
  readonly blocks: number;
  /** Address of channel 0, lane 0 of pixel (0, 0) of block 0, inside the halo. */
  readonly origin: number;
  /** Address of the first byte, at the corner of the halo. */
  readonly start: number;
  readonly bytes: number;
  readonly pixelBytes: number;
  readonly rowBytes: number;
  readonly blockBytes: number;
  /** Address of the `TensorRecord` that kernels are given. */
  readonly record: number;
}

/** Most images of a block. */
const MAX_LANES = 32;
const MIN_LANES = 4;
const FLOAT_BYTES = 4;

/** Images of a block for batches of up to `maxBatch`: the next power of two, from 4 to 32. */
export function lanesFor(maxBatch: number): number {
  let lanes = MIN_LANES;
  while (lanes < maxBatch && lanes < MAX_LANES) lanes *= 2;
  return lanes;
}

/** Blocks that `batch` images fill, the last one perhaps in part. */
export function blocksOf(tensor: BlockedTensor, batch: number): number {
  return Math.ceil(batch / tensor.lanes);
}

/** Lays out a tensor of zeros in the memory of a runner. */
export function layOut(runner: Runner, shape: Tensor["shape"], maxBatch: number, halo: Halo): BlockedTensor {
  const [C, H, W] = shape;
  const lanes = lanesFor(maxBatch);
  const blocks = Math.ceil(maxBatch / lanes);
  const pixelBytes = C * lanes * FLOAT_BYTES;
  const rowBytes = (W + 2 * halo[1]) * pixelBytes;
  const blockBytes = (H + 2 * halo[0]) * rowBytes;
  const bytes = blocks * blockBytes;
  const start = runner.allocate(bytes);
  const origin = start + halo[0] * rowBytes + halo[1] * pixelBytes;
  const place = { origin, rowBytes, blockBytes, pixelBytes };
  const record = createRecord(runner, TensorRecord, { ...place, C, H, W, lanes });
  return { shape, maxBatch, halo, lanes, blocks, start, bytes, ...place, record };
}
