/**
 * Pooling windows on blocked tensors: the channels and lanes of a pixel are one vector, so that a window is a handful of
 * vector operations whatever its shape. The unit of work is a run of `run` bytes of the pixels of one row: block, row,
 * run, in this order. Gradients gather from the windows that hold a pixel, in the order in which the reference scatters.
 *   max:     the first maximum in row-major order; the first NaN wins; an empty window gives −∞.
 *   average: Σ window / (height · width), padding counted as zeros; sums in double precision.
 */
import { PoolRecord } from "../../records/layers";
import { TensorRecord } from "../../records/tensor";
import { keepIf, liveLanes } from "../row-iteration";

/** First window on an axis that reaches `position`: ⌈(position + padding − window + 1) / stride⌉, at least 0. */
// @inline
function firstWindow(position: i32, padding: i32, window: i32, stride: i32): i32 {
  const distance = position + padding - window;
  return distance < 0 ? 0 : distance / stride + 1;
}

/** First element of a window inside the image on an axis, and the one behind its last. */
// @inline
function firstOf(window: i32, stride: i32, padding: i32): i32 {
  return max(0, window * stride - padding);
}

// @inline
function endOf(window: i32, stride: i32, padding: i32, size: i32, extent: i32): i32 {
  return min(extent, window * stride - padding + size);
}

/** Index after the last window on an axis that starts at or before `position`. */
// @inline
function endWindow(position: i32, padding: i32, stride: i32, windows: i32): i32 {
  return min(windows, (position + padding) / stride + 1);
}

/** output and, in `argmax` [block][P][Q][C][lanes], the index into the H × W plane. */
export function maxPool(
  pool: PoolRecord,
  input: TensorRecord,
  output: TensorRecord,
  batch: i32,
  from: i32,
  to: i32,
): void {
  const W = input.W;
  const P = output.H;
  const Q = output.W;
  const inputRow = input.rowBytes;
  const pixelBytes = input.pixelBytes;
  const lanes = input.lanes;
  for (let unit = from; unit < to; unit++) {
    const first = <usize>(unit % pool.runs) * pool.runBytes;
    const last = min(first + pool.runBytes, pixelBytes);
    const row = unit / pool.runs;
    const block = row / P;
    const p = row % P;
    const live = batch - block * lanes;
    const image = input.origin + <usize>block * input.blockBytes;
    const hFrom = firstOf(p, pool.strideRows, pool.top);
    const hTo = endOf(p, pool.strideRows, pool.top, pool.windowRows, input.H);
    let where = pool.argmax + <usize>(row * Q) * pixelBytes;
    let y = output.origin + <usize>block * output.blockBytes + <usize>p * output.rowBytes;
    for (let q = 0; q < Q; q++) {
      const wFrom = firstOf(q, pool.strideColumns, pool.left);
      const wTo = endOf(q, pool.strideColumns, pool.left, pool.windowColumns, W);
      const empty = hFrom >= hTo || wFrom >= wTo;
      for (let at = first; at < last; at += 16) {
        if (empty) {
          const lane = <i32>(at >> 2) & (lanes - 1);
          v128.store(y + at, v128.and(f32x4.splat(-Infinity), liveLanes(lane, live)));
          v128.store(where + at, i32x4.splat(-1));
          continue;
        }
        // The first element is taken: nothing is greater than it yet.
        let best = v128.load(image + <usize>hFrom * inputRow + <usize>wFrom * pixelBytes + at);
        let index = i32x4.splat(hFrom * W + wFrom);
        for (let h = hFrom; h < hTo; h++) {
          let x = image + <usize>h * inputRow + <usize>wFrom * pixelBytes + at;
          for (let w = wFrom; w < wTo; w++) {
            const value = v128.load(x);
            // Greater, or the first NaN: not less or equal, nor after a NaN.
            const better = v128.andnot(f32x4.eq(best, best), f32x4.le(value, best));
            best = v128.bitselect(value, best, better);
            index = v128.bitselect(i32x4.splat(h * W + w), index, better);
            x += pixelBytes;
          }
        }
        v128.store(y + at, best);
        v128.store(where + at, index);
      }
      y += pixelBytes;
      where += pixelBytes;
    }
  }
}

/** output = mean of each window. */
export function averagePool(pool: PoolRecord, input: TensorRecord, output: TensorRecord, from: i32, to: i32): void {
  const P = output.H;
  const Q = output.W;
  const inputRow = input.rowBytes;
  const pixelBytes = input.pixelBytes;
  const area = f64x2.splat(<f64>pool.windowRows * <f64>pool.windowColumns);
  for (let unit = from; unit < to; unit++) {
    const first = <usize>(unit % pool.runs) * pool.runBytes;
    const last = min(first + pool.runBytes, pixelBytes);
    const row = unit / pool.runs;
    const block = row / P;
    const p = row % P;
    const image = input.origin + <usize>block * input.blockBytes;
    const hFrom = firstOf(p, pool.strideRows, pool.top);
    const hTo = endOf(p, pool.strideRows, pool.top, pool.windowRows, input.H);
    let y = output.origin + <usize>block * output.blockBytes + <usize>p * output.rowBytes;
    for (let q = 0; q < Q; q++) {
      const wFrom = firstOf(q, pool.strideColumns, pool.left);
      const columns = max(0, endOf(q, pool.strideColumns, pool.left, pool.windowColumns, input.W) - wFrom);
      const window = image + <usize>hFrom * inputRow + <usize>wFrom * pixelBytes;
      let at = first;
      for (; at + 32 <= last; at += 32)
        storeMeans(2, window + at, hTo - hFrom, inputRow, columns, pixelBytes, area, y + at);
      if (at < last) storeMeans(1, window + at, hTo - hFrom, inputRow, columns, pixelBytes, area, y + at);
      y += pixelBytes;
    }
  }
}

/** Means of a window for `vectors` (1 or 2, a constant) vectors of four floats. */
// @inline
function storeMeans(
  vectors: i32,
  window: usize,
  rows: i32,
  rowBytes: usize,
  columns: i32,
  pixelBytes: usize,
  area: v128,
  target: usize,
): void {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  for (let h = 0; h < rows; h++) {
    let x = window + <usize>h * rowBytes;
    for (let w = 0; w < columns; w++) {
      a = f64x2.add(a, f64x2.promote_low_f32x4(v128.load64_zero(x)));
      b = f64x2.add(b, f64x2.promote_low_f32x4(v128.load64_zero(x, 8)));
      if (vectors > 1) {
        c = f64x2.add(c, f64x2.promote_low_f32x4(v128.load64_zero(x, 16)));
        d = f64x2.add(d, f64x2.promote_low_f32x4(v128.load64_zero(x, 24)));
      }
      x += pixelBytes;
    }
  }
  v128.store(target, quotients(a, b, area));
  if (vectors > 1) v128.store(target, quotients(c, d, area), 16);
}

/** Four floats from two pairs of doubles, divided. */
// @inline
function quotients(low: v128, high: v128, divisor: v128): v128 {
  const a = f32x4.demote_f64x2_zero(f64x2.div(low, divisor));
  const b = f32x4.demote_f64x2_zero(f64x2.div(high, divisor));
  return i64x2.shuffle(a, b, 0, 2);
}

/** inputGrad = Σ outputGrad of the windows whose maximum is here; or added to. */
export function maxPoolBackward(
  pool: PoolRecord,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  gatherGrads(true, pool, outputGrad, inputGrad, accumulate, from, to);
}

/** inputGrad = Σ outputGrad / (height · width) of the windows that hold a pixel; or added to. */
export function averagePoolBackward(
  pool: PoolRecord,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  gatherGrads(false, pool, outputGrad, inputGrad, accumulate, from, to);
}

/** The two above: `isMax` is a constant, so that each is left with its own branch. */
// @inline
function gatherGrads(
  isMax: bool,
  pool: PoolRecord,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  const H = inputGrad.H;
  const W = inputGrad.W;
  const P = outputGrad.H;
  const Q = outputGrad.W;
  const pixelBytes = inputGrad.pixelBytes;
  const gradRow = outputGrad.rowBytes;
  const windowColumns = pool.windowColumns;
  const strideColumns = pool.strideColumns;
  const left = pool.left;
  const argmax = pool.argmax;
  const keep = keepIf(accumulate);
  const area = f32x4.splat(<f32>pool.windowRows * <f32>pool.windowColumns);
  for (let unit = from; unit < to; unit++) {
    const first = <usize>(unit % pool.runs) * pool.runBytes;
    const last = min(first + pool.runBytes, pixelBytes);
    const row = unit / pool.runs;
    const block = row / H;
    const h = row % H;
    const grads = outputGrad.origin + <usize>block * outputGrad.blockBytes;
    const pFrom = firstWindow(h, pool.top, pool.windowRows, pool.strideRows);
    const pTo = endWindow(h, pool.top, pool.strideRows, P);
    let dx = inputGrad.origin + <usize>block * inputGrad.blockBytes + <usize>h * inputGrad.rowBytes;
    for (let w = 0; w < W; w++) {
      const qFrom = firstWindow(w, left, windowColumns, strideColumns);
      const qTo = endWindow(w, left, strideColumns, Q);
      const here = i32x4.splat(h * W + w);
      let old = keep;
      for (let p = pFrom; p < pTo; p++) {
        let dy = grads + <usize>p * gradRow + <usize>qFrom * pixelBytes;
        let where = argmax + <usize>((block * P + p) * Q + qFrom) * pixelBytes;
        for (let q = qFrom; q < qTo; q++) {
          for (let at = first; at < last; at += 16) {
            const grad = isMax
              ? v128.and(v128.load(dy + at), i32x4.eq(v128.load(where + at), here))
              : f32x4.div(v128.load(dy + at), area);
            v128.store(dx + at, f32x4.add(v128.and(v128.load(dx + at), old), grad));
          }
          old = i32x4.splat(-1);
          dy += pixelBytes;
          where += pixelBytes;
        }
      }
      if (!accumulate && (pFrom >= pTo || qFrom >= qTo)) memory.fill(dx + first, 0, last - first);
      dx += pixelBytes;
    }
  }
}
