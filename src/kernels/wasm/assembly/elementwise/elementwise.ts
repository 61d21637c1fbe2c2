/**
 * ReLU (0 at −0, NaN stays NaN), its gradient, sums and copies of tensors, and the top-k mask applied to parameters and
 * tensors. All are bound by memory. Tensors are walked by rows (row-iteration.ts); zeros in dead lanes give zeros.
 */
import { TensorRecord } from "../../records/tensor";
import { contentBytes, rowOf } from "../row-iteration";

/** Floats of one unit of work on a plain array. */
const CHUNK: i32 = 4096;

/** Bytes that a word of signs stands for: one bit for each of 32 floats. */
const SIGNED_BYTES: usize = 128;

/** Bytes of the signs of a row. */
// @inline
function signBytes(bytes: usize): usize {
  return ((bytes + SIGNED_BYTES - 1) / SIGNED_BYTES) * 4;
}

/** output = min(max(input, 0), cap), and in `signs`, unless 0, one bit for each float of a row: 0 < output < cap. */
export function relu(input: TensorRecord, output: TensorRecord, signs: usize, cap: f32, from: i32, to: i32): void {
  const bytes = contentBytes(input);
  const most = f32x4.splat(cap);
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(input, unit);
    let y = rowOf(output, unit);
    const end = x + bytes;
    const whole = x + (bytes & ~(SIGNED_BYTES - 1));
    let word = signs + <usize>unit * signBytes(bytes);
    for (; x < whole; x += SIGNED_BYTES) {
      const low = rectified16(x, y, most) | (rectified16(x + 64, y + 64, most) << 16);
      if (signs) store<u32>(word, low);
      word += 4;
      y += SIGNED_BYTES;
    }
    if (x === end) continue;
    let rest: u32 = 0;
    for (let bit: u32 = 0; x < end; x += 16, y += 16, bit += 4) {
      rest |= i32x4.bitmask(rectified4(x, y, most)) << bit;
    }
    if (signs) store<u32>(word, rest);
  }
}

/** Rectifies 16 floats and returns one bit for each: 0 < output < most. */
// @inline
function rectified16(x: usize, y: usize, most: v128): u32 {
  const low = i16x8.narrow_i32x4_s(rectified4(x, y, most), rectified4(x + 16, y + 16, most));
  const high = i16x8.narrow_i32x4_s(rectified4(x + 32, y + 32, most), rectified4(x + 48, y + 48, most));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @inline
function rectified4(x: usize, y: usize, most: v128): v128 {
  const a = v128.load(x);
  const zero = f32x4.splat(0);
  v128.store(y, v128.andnot(f32x4.pmin(a, most), f32x4.le(a, zero)));
  return v128.and(f32x4.gt(a, zero), f32x4.lt(a, most));
}

/** inputGrad = outputGrad where the sign is set, else 0; or added to. */
export function reluBackward(
  signs: usize,
  outputGrad: TensorRecord,
  inputGrad: TensorRecord,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  const bytes = contentBytes(outputGrad);
  for (let unit = from; unit < to; unit++) {
    let dy = rowOf(outputGrad, unit);
    let dx = rowOf(inputGrad, unit);
    const end = dy + bytes;
    let word = signs + <usize>unit * signBytes(bytes);
    while (dy < end) {
      const wordEnd = min(end, dy + SIGNED_BYTES);
      const bits = i32x4.splat(load<u32>(word));
      word += 4;
      let bit = i32x4(1, 2, 4, 8);
      for (; dy < wordEnd; dy += 16, dx += 16) {
        const grad = v128.and(v128.load(dy), i32x4.eq(v128.and(bits, bit), bit));
        v128.store(dx, accumulate ? f32x4.add(v128.load(dx), grad) : grad);
        bit = i32x4.shl(bit, 4);
      }
    }
  }
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

/** Zeros around the images of a tensor, `rows` above and below, `columns` left and right. Units are blocks. */
export function clearHalo(tensor: TensorRecord, rows: usize, columns: usize, from: i32, to: i32): void {
  const rowBytes = tensor.rowBytes;
  const side = columns * tensor.pixelBytes;
  const bytes = contentBytes(tensor);
  for (let unit = from; unit < to; unit++) {
    let at = tensor.origin + <usize>unit * tensor.blockBytes - rows * rowBytes - side;
    memory.fill(at, 0, rows * rowBytes + side);
    at += rows * rowBytes + side + bytes;
    for (let row = 1; row < tensor.H; row++) {
      memory.fill(at, 0, 2 * side);
      at += rowBytes;
    }
    memory.fill(at, 0, side + rows * rowBytes);
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
