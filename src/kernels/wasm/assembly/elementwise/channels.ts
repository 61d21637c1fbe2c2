/**
 * Copies a range of channels between tensors of different channel counts (concatenation and its gradient). In the blocked
 * layout the channels of a pixel are contiguous, so that each pixel is one run of bytes; dead lanes copy their zeros.
 */
import { rowAt } from "../row-iteration";

/** `bytes` of each pixel from `source` to `target`, or added; both addresses are those of the first channel meant. */
export function copyPixels(
  H: i32,
  W: i32,
  bytes: usize,
  accumulate: i32,
  sourcePixel: usize,
  targetPixel: usize,
  source: usize,
  sourceRow: usize,
  sourceBlock: usize,
  target: usize,
  targetRow: usize,
  targetBlock: usize,
  from: i32,
  to: i32,
): void {
  for (let unit = from; unit < to; unit++) {
    let x = rowAt(source, sourceRow, sourceBlock, H, unit);
    let y = rowAt(target, targetRow, targetBlock, H, unit);
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
