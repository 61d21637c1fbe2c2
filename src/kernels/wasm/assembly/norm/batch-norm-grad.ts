/**
 * Backward pass of batch norm on blocked tensors: for every row and channel the sums Σ g and Σ g·(x − m), then
 *   γGrad = Σ g·x̂,  βGrad = Σ g,  inputGrad = γ·invStd·(g − (Σ g + x̂·Σ g·x̂)/count) = a·g + c·(x − m) + b
 * with x̂ = (x − mean)·invStd and m the mean rounded to a float; what that loses goes into the factors.
 */

import { FACTORS_BYTES, NormRecord, SAVED_BYTES, SUMS_BYTES } from "../../records/layers";
import { TensorRecord } from "../../records/tensor";
import { madd } from "../madd";
import { keepIf, liveLanes, rowOf } from "../row-iteration";
import { addTo, FULL, sumOf } from "./batch-norm-sums";

/** m of each channel, as `normGradStatistics` reads it, from what the last training pass has saved. */
export function normGradMeans(norm: NormRecord): void {
  const C = norm.C;
  for (let c = 0; c < C; c++) {
    store<f32>(norm.factors + <usize>c * FACTORS_BYTES, <f32>load<f64>(norm.saved + <usize>c * SAVED_BYTES));
  }
}

/** sums [rows][C] of Σ g and Σ g·(x − m); g is zero in dead lanes. */
export function normGradStatistics(
  input: TensorRecord,
  outputGrad: TensorRecord,
  factors: usize,
  sums: usize,
  from: i32,
  to: i32,
): void {
  const C = input.C;
  const W = input.W;
  const lanes = input.lanes;
  const factorsEnd = factors + <usize>C * FACTORS_BYTES;
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    let g = rowOf(outputGrad, unit);
    const first = sums + <usize>unit * <usize>C * SUMS_BYTES;
    memory.fill(first, 0, <usize>C * SUMS_BYTES);
    for (let w = 0; w < W; w++) {
      let sum = first;
      for (let at = factors; at < factorsEnd; at += FACTORS_BYTES) {
        const mean = v128.load32_splat(at);
        if (lanes === FULL) {
          const a = v128.load(g);
          const b = v128.load(g, 16);
          const c = v128.load(g, 32);
          const d = v128.load(g, 48);
          let total = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
          let p = f32x4.mul(a, f32x4.sub(v128.load(x), mean));
          let q = f32x4.mul(b, f32x4.sub(v128.load(x, 16), mean));
          p = madd(c, f32x4.sub(v128.load(x, 32), mean), p);
          q = madd(d, f32x4.sub(v128.load(x, 48), mean), q);
          const e = v128.load(g, 64);
          const f = v128.load(g, 80);
          const h = v128.load(g, 96);
          const i = v128.load(g, 112);
          total = f32x4.add(total, f32x4.add(f32x4.add(e, f), f32x4.add(h, i)));
          p = madd(e, f32x4.sub(v128.load(x, 64), mean), p);
          q = madd(f, f32x4.sub(v128.load(x, 80), mean), q);
          p = madd(h, f32x4.sub(v128.load(x, 96), mean), p);
          q = madd(i, f32x4.sub(v128.load(x, 112), mean), q);
          addTo(sum, total);
          addTo(sum + 16, f32x4.add(p, q));
          x += 128;
          g += 128;
        } else {
          let total = f32x4.splat(0);
          let products = f32x4.splat(0);
          for (let lane = 0; lane < lanes; lane += 4) {
            const grad = v128.load(g);
            total = f32x4.add(total, grad);
            products = madd(grad, f32x4.sub(v128.load(x), mean), products);
            x += 16;
            g += 16;
          }
          addTo(sum, total);
          addTo(sum + 16, products);
        }
        sum += SUMS_BYTES;
      }
    }
  }
}

/** gammaGrad, betaGrad and, in the factors, m, a, b, c of each channel. */
export function normGradFinish(norm: NormRecord, sums: usize, rows: i32, count: f64): void {
  const C = norm.C;
  const stride = <usize>C * SUMS_BYTES;
  for (let c = 0; c < C; c++) {
    const channel = (<usize>c) << 2;
    const mean = load<f64>(norm.saved + <usize>c * SAVED_BYTES);
    const inverse = load<f64>(norm.saved + <usize>c * SAVED_BYTES, 8);
    const rounded = <f32>mean;
    const rest = mean - <f64>rounded;
    const sum = sumOf(sums + <usize>c * SUMS_BYTES, rows, stride);
    const product = (sumOf(sums + <usize>c * SUMS_BYTES + 16, rows, stride) - rest * sum) * inverse;
    store<f32>(norm.gammaGrad + channel, <f32>product);
    store<f32>(norm.betaGrad + channel, <f32>sum);
    const scale = <f64>load<f32>(norm.gamma + channel) * inverse;
    const slope = (product * inverse) / count;
    const own = norm.factors + <usize>c * FACTORS_BYTES;
    store<f32>(own, rounded);
    store<f32>(own, <f32>scale, 4);
    store<f32>(own, <f32>(-scale * (sum / count - slope * rest)), 8);
    store<f32>(own, <f32>(-scale * slope), 12);
  }
}

// @inline
function gradOf(x: v128, g: v128, mean: v128, a: v128, b: v128, c: v128): v128 {
  return madd(a, g, madd(c, f32x4.sub(x, mean), b));
}

/** inputGrad = a·g + c·(x − m) + b, zeros in dead lanes; or added to. */
export function normInputGrad(
  input: TensorRecord,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  batch: i32,
  accumulate: i32,
  factors: usize,
  from: i32,
  to: i32,
): void {
  const C = input.C;
  const H = input.H;
  const W = input.W;
  const lanes = input.lanes;
  const factorsEnd = factors + <usize>C * FACTORS_BYTES;
  const keep = keepIf(accumulate);
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    let g = rowOf(outputGrad, unit);
    let dx = rowOf(inputGrad, unit);
    const live = batch - (unit / H) * lanes;
    const full = lanes === FULL && live >= FULL && !accumulate;
    for (let w = 0; w < W; w++) {
      for (let at = factors; at < factorsEnd; at += FACTORS_BYTES) {
        const mean = v128.load32_splat(at);
        const a = v128.load32_splat(at, 4);
        const b = v128.load32_splat(at, 8);
        const c = v128.load32_splat(at, 12);
        if (full) {
          v128.store(dx, gradOf(v128.load(x), v128.load(g), mean, a, b, c));
          v128.store(dx, gradOf(v128.load(x, 16), v128.load(g, 16), mean, a, b, c), 16);
          v128.store(dx, gradOf(v128.load(x, 32), v128.load(g, 32), mean, a, b, c), 32);
          v128.store(dx, gradOf(v128.load(x, 48), v128.load(g, 48), mean, a, b, c), 48);
          v128.store(dx, gradOf(v128.load(x, 64), v128.load(g, 64), mean, a, b, c), 64);
          v128.store(dx, gradOf(v128.load(x, 80), v128.load(g, 80), mean, a, b, c), 80);
          v128.store(dx, gradOf(v128.load(x, 96), v128.load(g, 96), mean, a, b, c), 96);
          v128.store(dx, gradOf(v128.load(x, 112), v128.load(g, 112), mean, a, b, c), 112);
          x += 128;
          g += 128;
          dx += 128;
        } else {
          for (let lane = 0; lane < lanes; lane += 4) {
            const grad = v128.and(gradOf(v128.load(x), v128.load(g), mean, a, b, c), liveLanes(lane, live));
            v128.store(dx, f32x4.add(v128.and(v128.load(dx), keep), grad));
            x += 16;
            g += 16;
            dx += 16;
          }
        }
      }
    }
  }
}
