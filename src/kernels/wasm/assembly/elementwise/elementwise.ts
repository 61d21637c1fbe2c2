/**
 * ReLU (0 at −0, NaN stays NaN), its gradient, sums and copies of tensors, and the top-k mask applied to parameters and
 * tensors. All are bound by memory. Tensors are walked by rows (row-iteration.ts); zeros in dead lanes give zeros.
 */
import { TensorRecord } from "../../records/tensor";
import { contentBytes, rowOf } from "../row-iteration";

/** Floats of one unit of work on a plain array. */
const CHUNK: i32 = 4096;

/** output = min(max(input, 0), cap). */
export function relu(input: TensorRecord, output: TensorRecord, cap: f32, from: i32, to: i32): void {
  const bytes = contentBytes(input);
  const zero = f32x4.splat(0);
  const most = f32x4.splat(cap);
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    let y = rowOf(output, unit);
    const end = x + bytes;
    const whole = x + (bytes & ~63);
    while (x < whole) {
      const a = v128.load(x);
      const b = v128.load(x, 16);
      const c = v128.load(x, 32);
      const d = v128.load(x, 48);
      v128.store(y, v128.andnot(f32x4.min(a, most), f32x4.le(a, zero)));
      v128.store(y, v128.andnot(f32x4.min(b, most), f32x4.le(b, zero)), 16);
      v128.store(y, v128.andnot(f32x4.min(c, most), f32x4.le(c, zero)), 32);
      v128.store(y, v128.andnot(f32x4.min(d, most), f32x4.le(d, zero)), 48);
      x += 64;
      y += 64;
    }
    while (x < end) {
      const a = v128.load(x);
      v128.store(y, v128.andnot(f32x4.min(a, most), f32x4.le(a, zero)));
      x += 16;
      y += 16;
    }
  }
}

/** inputGrad = outputGrad where 0 < output < cap, else 0; or added to. */
export function reluBackward(
  output: TensorRecord,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  cap: f32,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  const bytes = contentBytes(output);
  const zero = f32x4.splat(0);
  const most = f32x4.splat(cap);
  for (let unit = from; unit < to; unit++) {
    let y = rowOf(output, unit);
    let dy = rowOf(outputGrad, unit);
    let dx = rowOf(inputGrad, unit);
    const end = y + bytes;
    if (accumulate) {
      while (y < end) {
        const grad = v128.and(v128.load(dy), within(v128.load(y), zero, most));
        v128.store(dx, f32x4.add(v128.load(dx), grad));
        y += 16;
        dy += 16;
        dx += 16;
      }
    } else {
      const whole = y + (bytes & ~31);
      while (y < whole) {
        v128.store(dx, v128.and(v128.load(dy), within(v128.load(y), zero, most)));
        v128.store(dx, v128.and(v128.load(dy, 16), within(v128.load(y, 16), zero, most)), 16);
        y += 32;
        dy += 32;
        dx += 32;
      }
      if (y < end) v128.store(dx, v128.and(v128.load(dy), within(v128.load(y), zero, most)));
    }
  }
}

/** Where low < value < high. */
// @inline
function within(value: v128, low: v128, high: v128): v128 {
  return v128.and(f32x4.gt(value, low), f32x4.lt(value, high));
}

/** output = a + b; `output` may be one of them. */
export function add(a: TensorRecord, b: TensorRecord, output: TensorRecord, from: i32, to: i32): void {
  const bytes = contentBytes(a);
  for (let unit = from; unit < to; unit++) {
    let p = rowOf(a, unit);
    let q = rowOf(b, unit);
    let y = rowOf(output, unit);
    const end = p + bytes;
    const whole = p + (bytes & ~31);
    while (p < whole) {
      v128.store(y, f32x4.add(v128.load(p), v128.load(q)));
      v128.store(y, f32x4.add(v128.load(p, 16), v128.load(q, 16)), 16);
      p += 32;
      q += 32;
      y += 32;
    }
    if (p < end) v128.store(y, f32x4.add(v128.load(p), v128.load(q)));
  }
}

/** target = source. */
export function copyRows(source: TensorRecord, target: TensorRecord, from: i32, to: i32): void {
  const bytes = contentBytes(source);
  for (let unit = from; unit < to; unit++) {
    memory.copy(rowOf(target, unit), rowOf(source, unit), bytes);
  }
}

/** output[i] = |values[i]| ≥ threshold or NaN ? values[i] : 0 for i < size; units of `CHUNK` floats. */
export function applyThreshold(size: i32, threshold: f32, values: usize, output: usize, from: i32, to: i32): void {
  const limit = f32x4.splat(threshold);
  const first = <usize>from * CHUNK * 4;
  const last = <usize>min(to * CHUNK, size) * 4;
  const whole = first + ((last - first) & ~15);
  let at = first;
  while (at < whole) {
    const v = v128.load(values + at);
    const keep = v128.or(f32x4.ge(f32x4.abs(v), limit), f32x4.ne(v, v));
    v128.store(output + at, v128.and(v, keep));
    at += 16;
  }
  while (at < last) {
    const v = load<f32>(values + at);
    store<f32>(output + at, abs(v) >= threshold || f32.ne(v, v) ? v : 0);
    at += 4;
  }
}

/** The same of a tensor: target = |source| ≥ threshold or NaN ? source : 0. */
export function selectRows(source: TensorRecord, target: TensorRecord, threshold: f32, from: i32, to: i32): void {
  const bytes = contentBytes(source);
  const limit = f32x4.splat(threshold);
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(source, unit);
    let y = rowOf(target, unit);
    for (const end = x + bytes; x < end; x += 16, y += 16) {
      const v = v128.load(x);
      const keep = v128.or(f32x4.ge(f32x4.abs(v), limit), f32x4.ne(v, v));
      v128.store(y, v128.and(v, keep));
    }
  }
}
