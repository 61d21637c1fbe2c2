/**
 * The products of one processing element, one activation queue against one weight queue: how many land in an output, and
 * how many cycles more than one a chunk of I × F products takes because several of them want one accumulator bank.
 * Chunks of which no product lands in an output cost their cycle but are never visited: taps are sorted, so those in reach
 * of a chunk of activations are a few ranges. That makes the exact count affordable in weight gradients, where nearly
 * all products are redundant.
 */
import type { ActivationQueues } from "./activation-queues.ts";
import { banksOf, MAX_BANKS } from "./banks.ts";
import type { Job } from "./job.ts";
import type { PeGrid } from "./pe-grid.ts";
import type { PlaneAxis } from "./plane-axis.ts";
import type { WeightQueues } from "./weight-queues.ts";

/** Counts products; `valid` and `stalls` are those of the last call. */
export interface ProductCounter {
  /** Products that land in an output. */
  valid: number;
  /** Cycles lost to bank conflicts. */
  stalls: number;
  count(activationQueue: number, weightQueue: number): void;
}

/** A counter over queues that are refilled in place. */
export function productCounter(
  acts: ActivationQueues,
  weights: WeightQueues,
  { horizontal, vertical }: Job,
  grid: PeGrid,
): ProductCounter {
  const { activations: I, weights: F } = grid;
  const [W, H] = [horizontal.outputs, vertical.outputs];
  const { x: ax, y: ay, code: aCode } = acts;
  const { x: wx, y: wy, code: wCode, cells, chunkMinY, chunkMaxY, chunkRepeats, period, phases } = weights;
  const { table, bits } = banksOf(grid.banks);
  const counts = new Uint16Array(MAX_BANKS);
  const reaches = phases.map((taps) => ({ x: tapsUpTo(taps.x, horizontal), y: tapsUpTo(taps.y, vertical) }));

  /** Costs of the last `period` chunks, for those that repeat them. */
  const lastValid = new Int32Array(period);
  const lastStalls = new Int32Array(period);

  const counter: ProductCounter = { valid: 0, stalls: 0, count };
  return counter;

  function count(activationQueue: number, weightQueue: number): void {
    counter.valid = 0;
    counter.stalls = 0;
    const [aStart, aEnd] = [acts.starts[activationQueue], acts.ends[activationQueue]];
    const [wStart, wEnd] = [weights.starts[weightQueue], weights.ends[weightQueue]];
    if (aStart === aEnd || wStart === wEnd) return;
    const phase = weightQueue % phases.length;
    const { x, y } = reaches[phase];
    const tapsY = phases[phase].y.length;
    const cellStart = weights.cellStarts[weightQueue];
    for (let a = aStart; a < aEnd; a += I) countChunk(a, Math.min(a + I, aEnd), wStart, wEnd, x, y, tapsY, cellStart);
  }

  /** One chunk of activations against all weights in its reach. */
  function countChunk(
    from: number,
    until: number,
    wStart: number,
    wEnd: number,
    upToX: Int32Array,
    upToY: Int32Array,
    tapsY: number,
    cellStart: number,
  ): void {
    const minX = ax[from];
    const maxX = ax[until - 1];
    let minY = ay[from];
    let maxY = minY;
    for (let a = from + 1; a < until; a++) {
      if (ay[a] < minY) minY = ay[a];
      if (ay[a] > maxY) maxY = ay[a];
    }
    const j = minY < H ? 0 : upToY[minY - H];
    const jEnd = upToY[maxY];
    if (j === jEnd) return;
    let nextChunk = 0;
    const iEnd = upToX[maxX];
    for (let i = minX < W ? 0 : upToX[minX - W]; i < iEnd; i++) {
      const row = cellStart + i * tapsY;
      const first = cells[row + j] - wStart;
      const end = cells[row + jEnd] - wStart;
      if (first === end) continue;
      let chunk = Math.floor(first / F);
      if (chunk < nextChunk) chunk = nextChunk;
      for (; chunk * F < end; chunk++) {
        // A chunk of the same taps is in reach too, so that the one it repeats has just been visited.
        const slot = chunk % period;
        if (chunkRepeats[wStart + chunk] === 1) {
          counter.valid += lastValid[slot];
          counter.stalls += lastStalls[slot];
          continue;
        }
        const validBefore = counter.valid;
        const stallsBefore = counter.stalls;
        const w = wStart + chunk * F;
        const wUntil = Math.min(w + F, wEnd);
        const inside =
          minX >= wx[wUntil - 1] &&
          maxX - wx[w] < W &&
          minY >= chunkMaxY[wStart + chunk] &&
          maxY - chunkMinY[wStart + chunk] < H;
        if (inside) countInside(from, until, w, wUntil);
        else countChecked(from, until, w, wUntil);
        lastValid[slot] = counter.valid - validBefore;
        lastStalls[slot] = counter.stalls - stallsBefore;
      }
      nextChunk = chunk;
    }
  }

  /** I × F products that all land in an output. Masks hold the banks hit at least once, twice and three times. */
  function countInside(from: number, until: number, wFrom: number, wUntil: number): void {
    let once = 0;
    let twice = 0;
    let thrice = 0;
    let more = 0;
    for (let a = from; a < until; a++) {
      const code = aCode[a];
      for (let w = wFrom; w < wUntil; w++) {
        const bank = bits[wCode[w] | code];
        const second = once & bank;
        const third = twice & second;
        once |= bank;
        twice |= second;
        more |= thrice & third;
        thrice |= third;
      }
    }
    counter.valid += (until - from) * (wUntil - wFrom);
    if (twice !== 0) counter.stalls += more !== 0 ? mostHits(from, until, wFrom, wUntil) - 1 : thrice !== 0 ? 2 : 1;
  }

  /** I × F products of which some may fall outside. */
  function countChecked(from: number, until: number, wFrom: number, wUntil: number): void {
    let once = 0;
    let twice = 0;
    let thrice = 0;
    let more = 0;
    let valid = 0;
    for (let a = from; a < until; a++) {
      const x = ax[a];
      const y = ay[a];
      const code = aCode[a];
      for (let w = wFrom; w < wUntil; w++) {
        // A negative difference is a large unsigned one.
        if ((x - wx[w]) >>> 0 >= W || (y - wy[w]) >>> 0 >= H) continue;
        valid++;
        const bank = bits[wCode[w] | code];
        const second = once & bank;
        const third = twice & second;
        once |= bank;
        twice |= second;
        more |= thrice & third;
        thrice |= third;
      }
    }
    counter.valid += valid;
    if (twice !== 0) counter.stalls += more !== 0 ? mostHits(from, until, wFrom, wUntil) - 1 : thrice !== 0 ? 2 : 1;
  }

  /** Products of the fullest bank, for the rare chunks with more than three. */
  function mostHits(from: number, until: number, wFrom: number, wUntil: number): number {
    let most = 0;
    counts.fill(0);
    for (let a = from; a < until; a++) {
      for (let w = wFrom; w < wUntil; w++) {
        if ((ax[a] - wx[w]) >>> 0 >= W || (ay[a] - wy[w]) >>> 0 >= H) continue;
        const hits = ++counts[table[wCode[w] | aCode[a]]];
        if (hits > most) most = hits;
      }
    }
    return most;
  }
}

/** [position]: how many of the sorted `taps` are at most at that position, in steps of the stride. */
function tapsUpTo(taps: Int32Array, { extent, stride }: PlaneAxis): Int32Array {
  const counts = new Int32Array(Math.ceil(extent / stride));
  let count = 0;
  for (let position = 0; position < counts.length; position++) {
    while (count < taps.length && taps[count] <= position) count++;
    counts[position] = count;
  }
  return counts;
}
