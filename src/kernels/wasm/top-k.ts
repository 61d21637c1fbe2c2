/**
 * Exact top-k thresholds (kernels: assembly/select/top-k.ts). Magnitudes are handled as their bit patterns, integers from 0 to
 * 2³¹ − 1. An interval that is likely to hold the k-th largest comes from a hint or from a sample; then one sweep counts
 * what is above it and lists what is inside, and a radix selection finds the answer in the short list. Where many are
 * inside because of ties, or the answer lies outside, it goes over everything. All ways lead to the same number.
 */
import { createWorkSpace, integersAt } from "./arrays.ts";
import { type BlockedTensor, blocksOf } from "./layout.ts";
import { bytesOf, writeRecord } from "./records/record.ts";
import { FloatRows } from "./records/tensor.ts";
import type { Runner } from "./run/runner.ts";
import { contentBytes } from "./tensor-arguments.ts";

/** Patterns below ≤ pattern ≤ top. */
interface Interval {
  readonly low: number;
  readonly top: number;
}

/** Top-k thresholds of what lies in the memory of a runner. */
export interface TopK {
  /** k-th largest |v| of `size` floats at `address`. */
  ofFloats(address: number, size: number, k: number, hint: number): number;
  /** k-th largest |v| of the images of a tensor. */
  ofTensor(tensor: BlockedTensor, batch: number, k: number, hint: number): number;
}

const FLOAT_BYTES = 4;
/** Floats of a row of an array. */
const CHUNK = 8192;
/** Bins of a histogram, and its bytes (four counters a bin). */
const BIN_BITS = 11;
const TABLE_BYTES = 32768;
const LARGEST = 0x7fffffff;
const MAGNITUDE_BITS = 31;
/** Patterns on either side of a hint: 1/32 of an octave. */
const HINT_REACH = 1 << 18;
/** Values of a sample, and of what at least it is taken: less is sorted into bins at once. */
const SAMPLES = 8192;
const SAMPLED_SIZE = 1 << 16;
/** Half the width of a sample's interval in standard deviations of the rank. */
const DEVIATIONS = 4;
/** Shift of the last histogram over a sample: intervals end at multiples of 2⁹ patterns. */
const SAMPLE_SHIFT = 9;
/** A list has room for this part of its row, and for at least so many: topKNear writes up to 20 beyond. */
const LIST_SHARE = 1 / 4;
const LIST_MIN = 64;
/** Bytes of the two counts of a row. */
const COUNT_BYTES = 8;
/** Shares of the rows that get a histogram each, for each thread: several, so that no thread waits long for another. */
const PARTS_PER_THREAD = 4;

/** Thresholds with work space of their own. */
export function createTopK(runner: Runner): TopK {
  const parts = runner.threads === 1 ? 1 : PARTS_PER_THREAD * runner.threads;
  const tables = runner.allocate(parts * TABLE_BYTES);
  const sample = runner.allocate(SAMPLES * FLOAT_BYTES);
  const rest = runner.allocate(FLOAT_BYTES);
  const listSpace = createWorkSpace(runner);
  const countSpace = createWorkSpace(runner);
  const recordAddress = runner.allocate(bytesOf(FloatRows));
  const record = (rows: FloatRows) => writeRecord(runner, recordAddress, FloatRows, rows);

  /** Pattern of the rank-th largest among those in the interval, by histograms down to bins of 2^lastShift patterns. */
  function refine(rows: FloatRows, rank: number, { low, top }: Interval, lastShift: number): number {
    const used = Math.min(parts, rows.count);
    let first = low;
    let last = top;
    let remaining = rank;
    for (;;) {
      const bits = Math.min(MAGNITUDE_BITS, 32 - Math.clz32(last - first));
      const shift = Math.max(lastShift, bits - BIN_BITS);
      runner.run("topKHistogram", used, record(rows), used, first, last, shift, tables);
      const bin = runner.call("topKFind", used, remaining, tables, rest);
      remaining = integersAt(runner, rest, 1)[0];
      first += bin * 2 ** shift;
      last = Math.min(last, first + 2 ** shift - 1);
      if (shift === lastShift) return first;
    }
  }

  /** Pattern of the k-th largest if it lies in the interval, else undefined. */
  function selectWithin(rows: FloatRows, k: number, interval: Interval): number | undefined {
    const capacity = Math.max(LIST_MIN, Math.ceil(rows.floats * LIST_SHARE));
    const lists = listSpace(rows.count * capacity * FLOAT_BYTES);
    const counts = countSpace(rows.count * COUNT_BYTES);
    const bounds = [interval.low - 1, interval.top, lists, capacity, counts];
    runner.run("topKNear", rows.count, record(rows), ...bounds);
    let above = 0;
    let near = 0;
    let listed = true;
    const view = integersAt(runner, counts, 2 * rows.count);
    for (let row = 0; row < rows.count; row++) {
      above += view[2 * row];
      near += Math.abs(view[2 * row + 1]);
      if (view[2 * row + 1] < 0) listed = false;
    }
    if (k <= above || k > above + near) return undefined;
    if (!listed) return refine(rows, k - above, interval, 0);
    runner.call("topKCompact", rows.count, lists, capacity, counts);
    return refine(rowsOfFloats(lists, near), k - above, interval, 0);
  }

  /** Interval of a sample's ranks around k's, wide enough to hold the k-th largest nearly always. */
  function sampleInterval(rows: FloatRows, k: number): Interval {
    runner.call("topKSample", record(rows), SAMPLES, sample);
    const sampled = rowsOfFloats(sample, SAMPLES);
    const share = k / rows.total;
    const rank = share * SAMPLES;
    const margin = DEVIATIONS * Math.sqrt(rank * (1 - share)) + 1;
    const upper = Math.floor(rank - margin);
    const lower = Math.ceil(rank + margin);
    const everything = { low: 0, top: LARGEST };
    const low = lower > SAMPLES ? 0 : refine(sampled, lower, everything, SAMPLE_SHIFT);
    const top = upper < 1 ? LARGEST : refine(sampled, upper, everything, SAMPLE_SHIFT) + 2 ** SAMPLE_SHIFT - 1;
    return { low, top };
  }

  function select(rows: FloatRows, k: number, hint: number): number {
    const hinted = hintInterval(hint);
    const found = hinted && selectWithin(rows, k, hinted);
    if (found !== undefined) return toFloat(found);
    const sampled = rows.total < SAMPLED_SIZE ? undefined : selectWithin(rows, k, sampleInterval(rows, k));
    return toFloat(sampled ?? refine(rows, k, { low: 0, top: LARGEST }, 0));
  }

  return {
    ofFloats: (address, size, k, hint) => select(rowsOfFloats(address, size), k, hint),
    ofTensor: (tensor, batch, k, hint) => select(rowsOfTensor(tensor, batch), k, hint),
  };
}

function rowsOfFloats(address: number, size: number): FloatRows {
  const count = Math.ceil(size / CHUNK);
  return { origin: address, rowBytes: CHUNK * FLOAT_BYTES, blockBytes: 0, H: count, count, floats: CHUNK, total: size };
}

/** The rows of all images, and of lanes beyond the batch: their zeros are the smallest magnitudes and change nothing. */
function rowsOfTensor(tensor: BlockedTensor, batch: number): FloatRows {
  const {
    origin,
    rowBytes,
    blockBytes,
    halo,
    shape: [, H],
  } = tensor;
  const blocks = blocksOf(tensor, batch);
  if (halo[0] === 0 && halo[1] === 0) return rowsOfFloats(origin, (blocks * blockBytes) / FLOAT_BYTES);
  const floats = contentBytes(tensor) / FLOAT_BYTES;
  const count = blocks * H;
  return { origin, rowBytes, blockBytes, H, count, floats, total: count * floats };
}

function hintInterval(hint: number): Interval | undefined {
  const pattern = Number.isFinite(hint) && hint > 0 ? toPattern(hint) : 0;
  if (pattern === 0) return undefined;
  return { low: Math.max(0, pattern - HINT_REACH), top: Math.min(LARGEST, pattern + HINT_REACH) };
}

const float = new Float32Array(1);
const pattern = new Int32Array(float.buffer);

function toPattern(value: number): number {
  float[0] = value;
  return pattern[0];
}

function toFloat(bits: number): number {
  pattern[0] = bits;
  return float[0];
}
