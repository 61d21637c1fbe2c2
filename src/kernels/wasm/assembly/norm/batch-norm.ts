/**
 * Batch norm over [N, H, W] of each channel (Ioffe and Szegedy, 2015) on blocked tensors. Memory is read front to back:
 *   statistics  of every row and channel the sums Σ d and Σ d², d = x − shift, of real images only;
 *   finish      sums of the rows, in order, to mean m and variance v, and from them four numbers for each channel;
 *   apply       output = (x − m)·scale + offset.
 * Each pixel's lanes are added as floats and these sums in double precision. Σ d² − (Σ d)²/n loses no digits as long as
 * the shift is near the mean, which `finish` checks. m is rounded to a float and what that loses goes into `offset`.
 */

import { FACTORS_BYTES, NormRecord, SAVED_BYTES, SUMS_BYTES } from "../../records/layers";
import { TensorRecord } from "../../records/tensor";
import { madd } from "../madd";
import { liveLanes, rowOf } from "../row-iteration";
import { addTo, FULL, sumOf } from "./batch-norm-sums";

/** Largest (mean − shift)² / variance at which sums of squares are good to six digits. */
const SAFE_RATIO: f64 = 16;

/** shifts [C] = mean of each channel over the `live` first lanes at `pixel`: a first guess. */
export function normShifts(input: TensorRecord, live: i32, pixel: usize, shifts: usize): void {
  const C = input.C;
  const lanes = input.lanes;
  for (let c = 0; c < C; c++) {
    let sum: f64 = 0;
    for (let lane = 0; lane < live; lane++) sum += <f64>load<f32>(pixel + ((<usize>(c * lanes + lane)) << 2));
    store<f32>(shifts + ((<usize>c) << 2), <f32>(sum / <f64>live));
  }
}

/** sums [rows][C] of Σ d and Σ d². */
export function normStatistics(input: TensorRecord, batch: i32, shifts: usize, sums: usize, from: i32, to: i32): void {
  const C = input.C;
  const H = input.H;
  const W = input.W;
  const lanes = input.lanes;
  const shiftsEnd = shifts + ((<usize>C) << 2);
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    const live = batch - (unit / H) * lanes;
    const first = sums + <usize>unit * <usize>C * SUMS_BYTES;
    memory.fill(first, 0, <usize>C * SUMS_BYTES);
    for (let w = 0; w < W; w++) {
      let sum = first;
      if (lanes === FULL && live >= FULL) {
        for (let at = shifts; at < shiftsEnd; at += 4) {
          const shift = v128.load32_splat(at);
          const a = f32x4.sub(v128.load(x), shift);
          const b = f32x4.sub(v128.load(x, 16), shift);
          const c = f32x4.sub(v128.load(x, 32), shift);
          const d = f32x4.sub(v128.load(x, 48), shift);
          let total = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
          let p = madd(b, b, f32x4.mul(a, a));
          let q = madd(d, d, f32x4.mul(c, c));
          const e = f32x4.sub(v128.load(x, 64), shift);
          const f = f32x4.sub(v128.load(x, 80), shift);
          const g = f32x4.sub(v128.load(x, 96), shift);
          const h = f32x4.sub(v128.load(x, 112), shift);
          total = f32x4.add(total, f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
          p = madd(f, f, madd(e, e, p));
          q = madd(h, h, madd(g, g, q));
          addTo(sum, total);
          addTo(sum + 16, f32x4.add(p, q));
          x += 128;
          sum += SUMS_BYTES;
        }
      } else {
        for (let at = shifts; at < shiftsEnd; at += 4) {
          const shift = v128.load32_splat(at);
          let total = f32x4.splat(0);
          let squares = f32x4.splat(0);
          for (let lane = 0; lane < lanes; lane += 4) {
            const d = v128.and(f32x4.sub(v128.load(x), shift), liveLanes(lane, live));
            total = f32x4.add(total, d);
            squares = madd(d, d, squares);
            x += 16;
          }
          addTo(sum, total);
          addTo(sum + 16, squares);
          sum += SUMS_BYTES;
        }
      }
    }
  }
}

/**
 * Mean and variance from `sums`; writes `saved` and `factors` and moves the running statistics. Where a shift was too far
 * from its mean, and this is not the `last` attempt, it only replaces all shifts by the means and returns 0, otherwise 1.
 */
export function normFinish(
  norm: NormRecord,
  sums: usize,
  rows: i32,
  count: f64,
  momentum: f64,
  epsilon: f64,
  last: i32,
): i32 {
  const C = norm.C;
  const shifts = norm.shifts;
  const saved = norm.saved;
  const stride = <usize>C * SUMS_BYTES;
  let safe = 1;
  for (let c = 0; c < C; c++) {
    const sum = sums + <usize>c * SUMS_BYTES;
    const distance = sumOf(sum, rows, stride) / count;
    const variance = sumOf(sum + 16, rows, stride) / count - distance * distance;
    if (distance * distance > SAFE_RATIO * variance) safe = 0;
    store<f64>(saved + <usize>c * SAVED_BYTES, <f64>load<f32>(shifts + ((<usize>c) << 2)) + distance);
    store<f64>(saved + <usize>c * SAVED_BYTES, max<f64>(variance, 0), 8);
  }
  if (!safe && !last) {
    for (let c = 0; c < C; c++) store<f32>(shifts + ((<usize>c) << 2), <f32>load<f64>(saved + <usize>c * SAVED_BYTES));
    return 0;
  }
  for (let c = 0; c < C; c++) {
    const channel = (<usize>c) << 2;
    const own = saved + <usize>c * SAVED_BYTES;
    const mean = load<f64>(own);
    const variance = load<f64>(own, 8);
    const inverse = 1 / sqrt<f64>(variance + epsilon);
    store<f64>(own, inverse, 8);
    setFactors(
      norm.factors,
      c,
      mean,
      inverse * <f64>load<f32>(norm.gamma + channel),
      <f64>load<f32>(norm.beta + channel),
    );
    const running = <f64>load<f32>(norm.mean + channel);
    store<f32>(norm.mean + channel, <f32>(running + momentum * (mean - running)));
    const unbiased = (variance * count) / max<f64>(1, count - 1);
    const spread = <f64>load<f32>(norm.variance + channel);
    store<f32>(norm.variance + channel, <f32>(spread + momentum * (unbiased - spread)));
  }
  return 1;
}

/** `factors` of `apply` from the running statistics. */
export function normEvaluate(norm: NormRecord, epsilon: f64): void {
  const C = norm.C;
  for (let c = 0; c < C; c++) {
    const channel = (<usize>c) << 2;
    const scale = <f64>load<f32>(norm.gamma + channel) / sqrt<f64>(<f64>load<f32>(norm.variance + channel) + epsilon);
    setFactors(norm.factors, c, <f64>load<f32>(norm.mean + channel), scale, <f64>load<f32>(norm.beta + channel));
  }
}

// @inline
function setFactors(factors: usize, c: i32, mean: f64, scale: f64, beta: f64): void {
  const own = factors + <usize>c * FACTORS_BYTES;
  const rounded = <f32>mean;
  store<f32>(own, rounded);
  store<f32>(own, <f32>scale, 4);
  store<f32>(own, <f32>(beta - (mean - <f64>rounded) * scale), 8);
}

/** output = (x − m)·scale + offset, zeros in dead lanes. */
export function normApply(
  input: TensorRecord,
  output: TensorRecord,
  batch: i32,
  factors: usize,
  from: i32,
  to: i32,
): void {
  const C = input.C;
  const H = input.H;
  const W = input.W;
  const lanes = input.lanes;
  const factorsEnd = factors + <usize>C * FACTORS_BYTES;
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    let y = rowOf(output, unit);
    const live = batch - (unit / H) * lanes;
    for (let w = 0; w < W; w++) {
      for (let at = factors; at < factorsEnd; at += FACTORS_BYTES) {
        const mean = v128.load32_splat(at);
        const scale = v128.load32_splat(at, 4);
        const offset = v128.load32_splat(at, 8);
        if (lanes === FULL && live >= FULL) {
          v128.store(y, madd(f32x4.sub(v128.load(x), mean), scale, offset));
          v128.store(y, madd(f32x4.sub(v128.load(x, 16), mean), scale, offset), 16);
          v128.store(y, madd(f32x4.sub(v128.load(x, 32), mean), scale, offset), 32);
          v128.store(y, madd(f32x4.sub(v128.load(x, 48), mean), scale, offset), 48);
          v128.store(y, madd(f32x4.sub(v128.load(x, 64), mean), scale, offset), 64);
          v128.store(y, madd(f32x4.sub(v128.load(x, 80), mean), scale, offset), 80);
          v128.store(y, madd(f32x4.sub(v128.load(x, 96), mean), scale, offset), 96);
          v128.store(y, madd(f32x4.sub(v128.load(x, 112), mean), scale, offset), 112);
          x += 128;
          y += 128;
        } else {
          for (let lane = 0; lane < lanes; lane += 4) {
            const value = madd(f32x4.sub(v128.load(x), mean), scale, offset);
            v128.store(y, v128.and(value, liveLanes(lane, live)));
            x += 16;
            y += 16;
          }
        }
      }
    }
  }
}
