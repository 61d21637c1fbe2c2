/**
 * The k-th largest magnitude of many floats, exactly (Raihan & Aamodt 2020 keep what is at least as large). Bit patterns
 * of magnitudes are ordered as the floats are, with NaN on top, so all counting is on patterns as integers.
 *   topKNear       one sweep that counts what lies above an interval and lists what lies inside: bound by memory;
 *   topKHistogram  sweep that sorts an interval into 2048 bins: three of them settle any input;
 *   topKSample     a stratified sample, from which the host guesses an interval.
 * Values are given as rows of `floats` floats (row-iteration.ts); of a plain array the last row is cut off at `total`.
 */
import { FloatRows } from "../../records/tensor";
import { rowAt } from "../row-iteration";

/** Bins of a histogram; each has 4 counters side by side, so that equal values in a row do not wait for each other. */
const BINS: i32 = 2048;
const BIN_BYTES: usize = 16;
const TABLE_BYTES: usize = 32768;
const MAGNITUDE: i32 = 0x7fffffff;
/** Multiplier and increment of a 64-bit linear congruential generator (Knuth, MMIX). */
const MULTIPLIER: u64 = 6364136223846793005;
const INCREMENT: u64 = 1442695040888963407;

// @inline
function magnitudeAt(at: usize): i32 {
  return load<i32>(at) & MAGNITUDE;
}

/** Writes those lanes of `v` whose bit is set one after another from `to`, and up to a vector beyond; returns the end. */
// @inline
function compress(v: v128, bits: i32, to: usize): usize {
  v128.store32_lane(to, v, 0);
  to += (<usize>(bits & 1)) << 2;
  v128.store32_lane(to, v, 1);
  to += (<usize>(bits & 2)) << 1;
  v128.store32_lane(to, v, 2);
  to += <usize>(bits & 4);
  v128.store32_lane(to, v, 3);
  return to + (<usize>(bits & 8) >> 1);
}

/**
 * For each row: counts [row] = how many magnitudes are > `top`, and how many are > `below` but not > `top`; these are
 * written to lists [row][capacity]. Where there are too many, as with ties, their number is negative and the list useless.
 */
export function topKNear(
  rows: FloatRows,
  below: i32,
  top: i32,
  lists: usize,
  capacity: i32,
  counts: usize,
  from: i32,
  to: i32,
): void {
  const floats = rows.floats;
  const total = rows.total;
  const mask = i32x4.splat(MAGNITUDE);
  const lower = i32x4.splat(below);
  const upper = i32x4.splat(top);
  for (let row = from; row < to; row++) {
    let x = rowAt(rows.origin, rows.rowBytes, rows.blockBytes, rows.H, row);
    const size = min(floats, total - row * floats);
    const end = x + ((<usize>size) << 2);
    const whole = x + ((<usize>(size & ~15)) << 2);
    const list = lists + ((<usize>row * <usize>capacity) << 2);
    // Room for 16 more and the vector that `compress` may write beyond.
    const full = list + ((<usize>(capacity - 20)) << 2);
    let next = list;
    let above = i32x4.splat(0);
    let unlisted = 0;
    while (x < whole) {
      const a = v128.and(v128.load(x), mask);
      const b = v128.and(v128.load(x, 16), mask);
      const c = v128.and(v128.load(x, 32), mask);
      const d = v128.and(v128.load(x, 48), mask);
      const overA = i32x4.gt_s(a, upper);
      const overB = i32x4.gt_s(b, upper);
      const overC = i32x4.gt_s(c, upper);
      const overD = i32x4.gt_s(d, upper);
      above = i32x4.sub(above, i32x4.add(i32x4.add(overA, overB), i32x4.add(overC, overD)));
      const nearA = v128.andnot(i32x4.gt_s(a, lower), overA);
      const nearB = v128.andnot(i32x4.gt_s(b, lower), overB);
      const nearC = v128.andnot(i32x4.gt_s(c, lower), overC);
      const nearD = v128.andnot(i32x4.gt_s(d, lower), overD);
      if (v128.any_true(v128.or(v128.or(nearA, nearB), v128.or(nearC, nearD)))) {
        if (next > full) {
          const pairs = i16x8.narrow_i32x4_s(nearA, nearB);
          unlisted += popcnt(i8x16.bitmask(i8x16.narrow_i16x8_s(pairs, i16x8.narrow_i32x4_s(nearC, nearD))));
        } else {
          next = compress(a, i32x4.bitmask(nearA), next);
          next = compress(b, i32x4.bitmask(nearB), next);
          next = compress(c, i32x4.bitmask(nearC), next);
          next = compress(d, i32x4.bitmask(nearD), next);
        }
      }
      x += 64;
    }
    let over =
      i32x4.extract_lane(above, 0) +
      i32x4.extract_lane(above, 1) +
      i32x4.extract_lane(above, 2) +
      i32x4.extract_lane(above, 3);
    const spilled = next > full || unlisted > 0;
    while (x < end) {
      const magnitude = magnitudeAt(x);
      if (magnitude > top) over++;
      else if (magnitude > below) {
        if (spilled) unlisted++;
        else {
          store<i32>(next, magnitude);
          next += 4;
        }
      }
      x += 4;
    }
    const near = <i32>((next - list) >> 2) + unlisted;
    store<i32>(counts + ((<usize>row) << 3), over);
    store<i32>(counts + ((<usize>row) << 3), unlisted > 0 ? -near : near, 4);
  }
}

/** Moves the lists of `topKNear` together at the start of `lists`. */
export function topKCompact(rows: i32, lists: usize, capacity: i32, counts: usize): void {
  let to = lists;
  for (let row = 0; row < rows; row++) {
    const bytes = (<usize>load<i32>(counts + ((<usize>row) << 3), 4)) << 2;
    memory.copy(to, lists + ((<usize>row * <usize>capacity) << 2), bytes);
    to += bytes;
  }
}

// @inline
function count(counter: usize): void {
  store<i32>(counter, load<i32>(counter) + 1);
}

// @inline
function binOf(magnitude: i32, low: i32, shift: i32): usize {
  return <usize>((magnitude - low) >> shift) * BIN_BYTES;
}

/**
 * tables [part][BINS][4] = how often (magnitude − low) >> shift occurs among the magnitudes low … top. Units are `parts`
 * equal shares of the rows.
 */
export function topKHistogram(
  rows: FloatRows,
  parts: i32,
  low: i32,
  top: i32,
  shift: i32,
  tables: usize,
  from: i32,
  to: i32,
): void {
  const floats = rows.floats;
  const total = rows.total;
  const mask = i32x4.splat(MAGNITUDE);
  const lower = i32x4.splat(low - 1);
  const upper = i32x4.splat(top);
  const everything = low === 0 && top === MAGNITUDE;
  for (let part = from; part < to; part++) {
    const table = tables + <usize>part * TABLE_BYTES;
    memory.fill(table, 0, TABLE_BYTES);
    const lastRow = <i32>((<i64>rows.count * (part + 1)) / parts);
    for (let row = <i32>((<i64>rows.count * part) / parts); row < lastRow; row++) {
      let x = rowAt(rows.origin, rows.rowBytes, rows.blockBytes, rows.H, row);
      const size = min(floats, total - row * floats);
      const end = x + ((<usize>size) << 2);
      const whole = x + ((<usize>(size & ~3)) << 2);
      if (everything) {
        while (x < whole) {
          count(table + binOf(magnitudeAt(x), 0, shift));
          count(table + binOf(magnitudeAt(x + 4), 0, shift) + 4);
          count(table + binOf(magnitudeAt(x + 8), 0, shift) + 8);
          count(table + binOf(magnitudeAt(x + 12), 0, shift) + 12);
          x += 16;
        }
      } else {
        while (x < whole) {
          const a = v128.and(v128.load(x), mask);
          let inside = i32x4.bitmask(v128.andnot(i32x4.gt_s(a, lower), i32x4.gt_s(a, upper)));
          if (inside === 15) {
            count(table + binOf(magnitudeAt(x), low, shift));
            count(table + binOf(magnitudeAt(x + 4), low, shift) + 4);
            count(table + binOf(magnitudeAt(x + 8), low, shift) + 8);
            count(table + binOf(magnitudeAt(x + 12), low, shift) + 12);
            inside = 0;
          }
          while (inside) {
            const lane = (<usize>ctz(inside)) << 2;
            count(table + binOf(magnitudeAt(x + lane), low, shift) + lane);
            inside &= inside - 1;
          }
          x += 16;
        }
      }
      while (x < end) {
        const magnitude = magnitudeAt(x);
        if (magnitude >= low && magnitude <= top) count(table + binOf(magnitude, low, shift));
        x += 4;
      }
    }
  }
}

/** Bin that holds the rank-th largest; at `rest` what remains of the rank within it. −1 where there are fewer. */
export function topKFind(parts: i32, rank: i32, tables: usize, rest: usize): i32 {
  for (let bin = BINS - 1; bin >= 0; bin--) {
    let sum = i32x4.splat(0);
    for (let part = 0; part < parts; part++) {
      sum = i32x4.add(sum, v128.load(tables + <usize>part * TABLE_BYTES + <usize>bin * BIN_BYTES));
    }
    const here =
      i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
    if (here >= rank) {
      store<i32>(rest, rank);
      return bin;
    }
    rank -= here;
  }
  return -1;
}

/** sample [samples]: a value from a random place of each of `samples` equal parts of the rows, always the same places. */
export function topKSample(rows: FloatRows, samples: i32, sample: usize): void {
  const floats = rows.floats;
  const total = rows.total;
  let state: u64 = INCREMENT;
  for (let i = 0; i < samples; i++) {
    state = state * MULTIPLIER + INCREMENT;
    const first = (<u64>i * <u64>total) / <u64>samples;
    const size = (<u64>(i + 1) * <u64>total) / <u64>samples - first;
    const place = <i32>(first + (((state >> 32) * size) >> 32));
    const row = rowAt(rows.origin, rows.rowBytes, rows.blockBytes, rows.H, place / floats);
    store<i32>(sample + ((<usize>i) << 2), load<i32>(row + ((<usize>(place % floats)) << 2)));
  }
}
