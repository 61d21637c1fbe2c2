/**
 * Copies a range of channels between tensors of different channel counts (concatenation and its gradient). In the blocked
 * layout the channels of a pixel are contiguous, so that each pixel is one run of bytes; dead lanes copy their zeros.
 */
import { TensorRecord } from "../../records/tensor";
import { rowOf } from "../row-iteration";

/** `bytes` of each pixel, from `sourceOffset` on in `source` and `targetOffset` on in `target`; or added. */
export function copyPixels(
  source: TensorRecord,
  target: TensorRecord,
  sourceOffset: usize,
  targetOffset: usize,
  bytes: usize,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  const W = source.W;
  const sourcePixel = source.pixelBytes;
  const targetPixel = target.pixelBytes;
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(source, unit) + sourceOffset;
    let y = rowOf(target, unit) + targetOffset;
    for (let w = 0; w < W; w++) {
      if (accumulate) {
        for (let at: usize = 0; at < bytes; at += 16) {
          v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
        }
      } else memory.copy(y, x, bytes);
      x += sourcePixel;
      y += targetPixel;
    }
  }
}
