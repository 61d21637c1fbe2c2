/**
 * The hot loops of all three convolution passes. A tap is an element of the sparse operand: its value and the offset at
 * which its neighbours lie in a flat, zero-padded copy of the other operand. For i < length
 *   sums[at + i] += Σ_t values[t] · source[origin + offsets[t] + i]
 * Zeros do not become taps, so the time is proportional to the nonzeros. Only an operand that is nearly dense keeps them:
 * then the lists of all filters have the same offsets, and four filters share each load of `source`. Sums stay in double
 * registers over all taps of a list, in the order of the list, on both ways.
 *
 * A tile of neighbours is summed at once; the last one runs over the end of `length`, so both arrays must be readable
 * (and sums writable) up to the next multiple of TILE. What lands there is garbage and never used.
 */
import type { Floats } from "../kernels.ts";

/** Neighbours that one sweep over the taps sums: eight accumulators fit the registers and hide the adder's latency. */
export const TILE = 8;

/** Lists that are summed together where all have the same offsets. */
export const SHARED = 4;

/**
 * Whether zeros of values[0..size) shall stay in the lists: decided by the count of nonzeros and the pass's `bound`
 * alone. What lies beyond `size` (a buffer for a larger batch) has no say.
 */
export function isNearlyDense(values: Floats, size: number, bound: number): boolean {
  let nonzeros = 0;
  for (let i = 0; i < size; i++) if (values[i] !== 0) nonzeros++;
  return nonzeros >= bound * size;
}

/** `length` rounded up to whole tiles. */
export function wholeTiles(length: number): number {
  return Math.ceil(length / TILE) * TILE;
}

/** The nonzeros of several filters (or channels) as lists: list i is [starts[i], starts[i + 1]) of offsets and values. */
export interface Taps {
  readonly starts: Int32Array;
  readonly offsets: Int32Array;
  readonly values: Float64Array;
}

/** Adds list `list` of `taps` over `source` to sums[at .. at + length). */
export function addTaps(
  taps: Taps,
  list: number,
  source: Float64Array,
  origin: number,
  length: number,
  sums: Float64Array,
  at: number,
): void {
  const { offsets, values } = taps;
  const from = taps.starts[list];
  const to = taps.starts[list + 1];
  if (from === to) return;
  for (let i = 0; i < length; i += TILE) {
    const base = origin + i;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let s4 = 0;
    let s5 = 0;
    let s6 = 0;
    let s7 = 0;
    for (let t = from; t < to; t++) {
      const o = base + offsets[t];
      const value = values[t];
      s0 += value * source[o];
      s1 += value * source[o + 1];
      s2 += value * source[o + 2];
      s3 += value * source[o + 3];
      s4 += value * source[o + 4];
      s5 += value * source[o + 5];
      s6 += value * source[o + 6];
      s7 += value * source[o + 7];
    }
    const to0 = at + i;
    sums[to0] += s0;
    sums[to0 + 1] += s1;
    sums[to0 + 2] += s2;
    sums[to0 + 3] += s3;
    sums[to0 + 4] += s4;
    sums[to0 + 5] += s5;
    sums[to0 + 6] += s6;
    sums[to0 + 7] += s7;
  }
}

/**
 * As `addTaps` for the lists list, list + spacing, list + 2·spacing and list + 3·spacing, whose offsets are equal; the
 * sums of the f-th go to sums[at + f·row ..].
 */
export function addSharedTaps(
  taps: Taps,
  list: number,
  spacing: number,
  source: Float64Array,
  origin: number,
  length: number,
  sums: Float64Array,
  at: number,
  row: number,
): void {
  const { starts, offsets, values } = taps;
  const from = starts[list];
  const to = starts[list + 1];
  const second = starts[list + spacing] - from;
  const third = 2 * second;
  const fourth = 3 * second;
  for (let i = 0; i < length; i += 4) {
    const base = origin + i;
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    let b0 = 0;
    let b1 = 0;
    let b2 = 0;
    let b3 = 0;
    let c0 = 0;
    let c1 = 0;
    let c2 = 0;
    let c3 = 0;
    let d0 = 0;
    let d1 = 0;
    let d2 = 0;
    let d3 = 0;
    for (let t = from; t < to; t++) {
      const o = base + offsets[t];
      const a = values[t];
      const b = values[t + second];
      const c = values[t + third];
      const d = values[t + fourth];
      const x0 = source[o];
      a0 += a * x0;
      b0 += b * x0;
      c0 += c * x0;
      d0 += d * x0;
      const x1 = source[o + 1];
      a1 += a * x1;
      b1 += b * x1;
      c1 += c * x1;
      d1 += d * x1;
      const x2 = source[o + 2];
      a2 += a * x2;
      b2 += b * x2;
      c2 += c * x2;
      d2 += d * x2;
      const x3 = source[o + 3];
      a3 += a * x3;
      b3 += b * x3;
      c3 += c * x3;
      d3 += d * x3;
    }
    let to0 = at + i;
    sums[to0] += a0;
    sums[to0 + 1] += a1;
    sums[to0 + 2] += a2;
    sums[to0 + 3] += a3;
    to0 += row;
    sums[to0] += b0;
    sums[to0 + 1] += b1;
    sums[to0 + 2] += b2;
    sums[to0 + 3] += b3;
    to0 += row;
    sums[to0] += c0;
    sums[to0 + 1] += c1;
    sums[to0 + 2] += c2;
    sums[to0 + 3] += c3;
    to0 += row;
    sums[to0] += d0;
    sums[to0 + 1] += d1;
    sums[to0 + 2] += d2;
    sums[to0 + 3] += d3;
  }
}
