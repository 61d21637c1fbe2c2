/**
 * Layout of activations and gradients in the SIMD builds, the same for dense and sparse kernels:
 *
 *     [block][halo + H + halo][halo + W + halo][C][lanes]     32-bit floats
 *
 * A block is up to 32 images side by side: they are the vector dimension, so that the size of an image never matters and
 * stride, 1×1 kernels and gradients are a matter of offsets. The halo is zero and stays so, and so do the lanes of images
 * beyond the batch: every kernel that writes a tensor writes zeros into such lanes and leaves the halo alone, which `claim`
 * clears where the memory was that of another tensor before.
 */
import type { Halo, Tensor, TensorPlan } from "../backend.ts";
import { placeSpans } from "../span-placement.ts";
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
  const layout = layoutOf(shape, maxBatch, halo);
  return placeAt(runner, layout, runner.allocate(layout.bytes));
}

/** Lays out tensors of which those share memory that are never in use at the same time. */
export function layOutShared(runner: Runner, plans: readonly TensorPlan[], maxBatch: number): BlockedTensor[] {
  const layouts = plans.map(({ shape, halo }) => layoutOf(shape, maxBatch, halo));
  const { offsets, bytes } = placeSpans(plans.map(({ from, to }, i) => ({ bytes: layouts[i].bytes, from, to })));
  const memory = runner.allocate(bytes);
  return layouts.map((layout, i) => placeAt(runner, layout, memory + offsets[i]));
}

type Layout = Pick<
  BlockedTensor,
  "shape" | "maxBatch" | "halo" | "lanes" | "blocks" | "bytes" | "pixelBytes" | "rowBytes" | "blockBytes"
>;

function layoutOf(shape: Tensor["shape"], maxBatch: number, halo: Halo): Layout {
  const [C, H, W] = shape;
  const lanes = lanesFor(maxBatch);
  const blocks = Math.ceil(maxBatch / lanes);
  const pixelBytes = C * lanes * FLOAT_BYTES;
  const rowBytes = (W + 2 * halo[1]) * pixelBytes;
  const blockBytes = (H + 2 * halo[0]) * rowBytes;
  return { shape, maxBatch, halo, lanes, blocks, bytes: blocks * blockBytes, pixelBytes, rowBytes, blockBytes };
}

function placeAt(runner: Runner, layout: Layout, start: number): BlockedTensor {
  const { halo, rowBytes, blockBytes, pixelBytes, lanes, shape } = layout;
  const [C, H, W] = shape;
  const origin = start + halo[0] * rowBytes + halo[1] * pixelBytes;
  const record = createRecord(runner, TensorRecord, { origin, rowBytes, blockBytes, pixelBytes, C, H, W, lanes });
  return { ...layout, start, origin, record };
}
