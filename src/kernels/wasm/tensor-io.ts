/** Tensors from and to arrays in [N, C, H, W], and their masks (kernels: assembly/elementwise/tensor-io.ts). */

import { sliceBytes } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import type { Backend } from "../backend.ts";
import { createWorkSpace, floatsAt, integersAt } from "./arrays.ts";
import { type BlockedTensor, blocksOf } from "./layout.ts";
import type { Runner } from "./run/runner.ts";
import { blocked } from "./tensor-arguments.ts";

const FLOAT_BYTES = 4;
/** Elements of a unit of work of `maskBits`. */
const MASK_UNIT = 128;
/** Elements of a step of `maskBits`. */
const MASK_STEP = 16;
const VECTOR_BYTES = 16;

/** Reading, writing and masks of tensors. */
export function createTensorIo(runner: Runner): Pick<Backend, "write" | "read" | "mask"> {
  const stage = createWorkSpace(runner);
  // Memory is zero when it is allocated, and nobody writes here.
  const zeros = createWorkSpace(runner);
  const maskSpace = createWorkSpace(runner);

  /** Calls `visit` for each block with its images; `block` is the address of its first row. */
  function forEachBlock(
    tensor: BlockedTensor,
    batch: number,
    visit: (block: number, images: number, first: number, size: number) => void,
  ): void {
    const imageSize = sizeOf(tensor.shape);
    for (let block = 0; block < blocksOf(tensor, batch); block++) {
      const first = block * tensor.lanes;
      const images = Math.min(tensor.lanes, batch - first);
      visit(tensor.origin + block * tensor.blockBytes, images, first * imageSize, images * imageSize);
    }
  }

  return {
    write(tensor, batch, values) {
      const target = blocked(tensor);
      const [, H, W] = target.shape;
      const empty = zeros(W * FLOAT_BYTES + VECTOR_BYTES);
      forEachBlock(target, batch, (block, images, first, size) => {
        const staged = stage(size * FLOAT_BYTES);
        floatsAt(runner, staged, size).set(values.subarray(first, first + size));
        runner.run("writeBlock", H, target.record, block, images, staged, empty);
      });
    },
    read(tensor, batch, values) {
      const source = blocked(tensor);
      const [, H] = source.shape;
      forEachBlock(source, batch, (block, images, first, size) => {
        const staged = stage(size * FLOAT_BYTES);
        runner.run("readBlock", H, source.record, block, images, staged);
        values.set(floatsAt(runner, staged, size), first);
      });
    },
    mask(tensor, batch, threshold) {
      const source = blocked(tensor);
      const [C, H, W] = source.shape;
      const shape = [batch, C, H, W];
      const size = C * H * W;
      const blocks = blocksOf(source, batch);
      const wordBlock = Math.ceil(size / MASK_STEP) * MASK_STEP;
      const slice = sliceBytes(shape);
      const words = maskSpace(blocks * wordBlock * FLOAT_BYTES + batch * slice);
      const bits = words + blocks * wordBlock * FLOAT_BYTES;
      runner.run("maskWords", blocks * H, source.record, floatBelow(threshold), words, wordBlock);
      forEachBlock(source, batch, (_, images, first) => {
        const block = (first / size / source.lanes) * wordBlock;
        const start = words + block * FLOAT_BYTES;
        integersAt(runner, start, wordBlock).fill(0, size);
        const target = bits + (first / size) * slice;
        runner.run("maskBits", Math.ceil(size / MASK_UNIT), size, images, slice, start, target);
      });
      return { shape, bytes: new Uint8Array(runner.memory.buffer, bits, batch * slice).slice() };
    },
  };
}

/** Largest float below `threshold` that is not negative: v ≠ 0 and |v| ≥ threshold where |v| is greater than it. */
function floatBelow(threshold: number): number {
  if (!(threshold > 0)) return 0;
  const rounded = Math.fround(threshold);
  if (rounded < threshold) return rounded;
  const value = Float32Array.of(rounded);
  new Uint32Array(value.buffer)[0]--;
  return value[0];
}
