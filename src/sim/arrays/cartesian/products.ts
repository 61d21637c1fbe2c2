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

/** Counts products over queues that are refilled in place; `valid` and `stalls` are those of the last call. */
export class ProductCounter {
  /** Products that land in an output. */
  valid = 0;
  /** Cycles lost to bank conflicts. */
  stalls = 0;
  readonly #acts: ActivationQueues;
  readonly #weights: WeightQueues;
  readonly #grid: PeGrid;
  /** Outputs along the axes. */
  readonly #width: number;
  readonly #height: number;
  readonly #banks: ReturnType<typeof banksOf>;
  readonly #counts = new Uint16Array(MAX_BANKS);
  readonly #reaches: readonly { readonly x: Int32Array; readonly y: Int32Array; readonly tapsY: number }[];
  /** Costs of the last `period` chunks, for those that repeat them. */
  readonly #lastValid: Int32Array;
  readonly #lastStalls: Int32Array;

  constructor(acts: ActivationQueues, weights: WeightQueues, { horizontal, vertical }: Job, grid: PeGrid) {
    this.#acts = acts;
    this.#weights = weights;
    this.#grid = grid;
    this.#width = horizontal.outputs;
    this.#height = vertical.outputs;
    this.#banks = banksOf(grid.banks);
    this.#reaches = weights.phases.map(({ x, y }) => ({
      ...{ x: tapsUpTo(x, horizontal), y: tapsUpTo(y, vertical) },
      tapsY: y.length,
    }));
    this.#lastValid = new Int32Array(weights.period);
    this.#lastStalls = new Int32Array(weights.period);
  }

  count(activationQueue: number, weightQueue: number): void {
    this.valid = 0;
    this.stalls = 0;
    const aStart = this.#acts.starts[activationQueue];
    const aEnd = this.#acts.ends[activationQueue];
    if (aStart === aEnd || this.#weights.starts[weightQueue] === this.#weights.ends[weightQueue]) return;
    const I = this.#grid.activations;
    for (let a = aStart; a < aEnd; a += I) this.#countChunk(a, Math.min(a + I, aEnd), weightQueue);
  }

  /** One chunk of activations against all weights in its reach. */
  #countChunk(from: number, until: number, queue: number): void {
    const { x: ax, y: ay } = this.#acts;
    const reach = this.#reaches[queue % this.#reaches.length];
    const minX = ax[from];
    let minY = ay[from];
    let maxY = minY;
    for (let a = from + 1; a < until; a++) {
      if (ay[a] < minY) minY = ay[a];
      if (ay[a] > maxY) maxY = ay[a];
    }
    const j = minY < this.#height ? 0 : reach.y[minY - this.#height];
    const jEnd = reach.y[maxY];
    if (j === jEnd) return;
    const { cells } = this.#weights;
    const F = this.#grid.weights;
    const wStart = this.#weights.starts[queue];
    const cellStart = this.#weights.cellStarts[queue];
    let chunk = 0;
    const iEnd = reach.x[ax[until - 1]];
    for (let i = minX < this.#width ? 0 : reach.x[minX - this.#width]; i < iEnd; i++) {
      const row = cellStart + i * reach.tapsY;
      const first = cells[row + j] - wStart;
      const end = cells[row + jEnd] - wStart;
      if (first === end) continue;
      chunk = Math.max(chunk, Math.floor(first / F));
      for (; chunk * F < end; chunk++) this.#countPair({ from, until, minY, maxY }, queue, chunk);
    }
  }

  /** One chunk of activations against one of weights. A chunk of the same taps is in reach too, so that the one it repeats has just been visited. */
  #countPair({ from, until, minY, maxY }: ActivationChunk, queue: number, chunk: number): void {
    const { starts, ends, x: wx, chunkRepeats, chunkMinY, chunkMaxY, period } = this.#weights;
    const wStart = starts[queue];
    const slot = chunk % period;
    if (chunkRepeats[wStart + chunk] === 1) {
      this.valid += this.#lastValid[slot];
      this.stalls += this.#lastStalls[slot];
      return;
    }
    const validBefore = this.valid;
    const stallsBefore = this.stalls;
    const w = wStart + chunk * this.#grid.weights;
    const wUntil = Math.min(w + this.#grid.weights, ends[queue]);
    const inside =
      this.#acts.x[from] >= wx[wUntil - 1] &&
      this.#acts.x[until - 1] - wx[w] < this.#width &&
      minY >= chunkMaxY[wStart + chunk] &&
      maxY - chunkMinY[wStart + chunk] < this.#height;
    if (inside) this.#countInside(from, until, w, wUntil);
    else this.#countChecked(from, until, w, wUntil);
    this.#lastValid[slot] = this.valid - validBefore;
    this.#lastStalls[slot] = this.stalls - stallsBefore;
  }

  /** I × F products that all land in an output. Masks hold the banks hit at least once, twice and three times. */
  #countInside(from: number, until: number, wFrom: number, wUntil: number): void {
    const { code: aCode } = this.#acts;
    const { code: wCode } = this.#weights;
    const { bits } = this.#banks;
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
    this.valid += (until - from) * (wUntil - wFrom);
    if (twice !== 0) this.stalls += more !== 0 ? this.#mostHits(from, until, wFrom, wUntil) - 1 : thrice !== 0 ? 2 : 1;
  }

  /** I × F products of which some may fall outside. */
  #countChecked(from: number, until: number, wFrom: number, wUntil: number): void {
    const { x: ax, y: ay, code: aCode } = this.#acts;
    const { x: wx, y: wy, code: wCode } = this.#weights;
    const { bits } = this.#banks;
    const W = this.#width;
    const H = this.#height;
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
    this.valid += valid;
    if (twice !== 0) this.stalls += more !== 0 ? this.#mostHits(from, until, wFrom, wUntil) - 1 : thrice !== 0 ? 2 : 1;
  }

  /** Products of the fullest bank, for the rare chunks with more than three. */
  #mostHits(from: number, until: number, wFrom: number, wUntil: number): number {
    const { x: ax, y: ay, code: aCode } = this.#acts;
    const { x: wx, y: wy, code: wCode } = this.#weights;
    let most = 0;
    this.#counts.fill(0);
    for (let a = from; a < until; a++) {
      for (let w = wFrom; w < wUntil; w++) {
        if ((ax[a] - wx[w]) >>> 0 >= this.#width || (ay[a] - wy[w]) >>> 0 >= this.#height) continue;
        const hits = ++this.#counts[this.#banks.table[wCode[w] | aCode[a]]];
        if (hits > most) most = hits;
      }
    }
    return most;
  }
}

/** Activations [from, until) of a queue, x ascending, and the range of their y. */
interface ActivationChunk {
  readonly from: number;
  readonly until: number;
  readonly minY: number;
  readonly maxY: number;
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
