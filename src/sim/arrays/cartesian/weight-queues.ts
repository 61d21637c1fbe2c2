/**
 * The nonzero weights of one reduction step, by pass over the filters and by stride phase: taps by ascending offset
 * (columns first), filters innermost. All processing elements work through the same queue.
 */
import { HASHED_FILTERS, weightCode } from "./banks.ts";
import type { Job, PlaneSource } from "./job.ts";
import type { PeGrid, Tiling } from "./pe-grid.ts";
import { type Tap, tapsOfPhase } from "./plane-axis.ts";

/** Taps of one stride phase, in steps of the stride. */
interface PhaseTaps {
  readonly x: Int32Array;
  readonly y: Int32Array;
}

/** Queue (pass · phases + phase) holds entries [starts[queue], ends[queue]) of the flat arrays. */
export interface WeightQueues {
  readonly phases: readonly PhaseTaps[];
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Where the weights of tap (i, j) of a queue begin: cells[cellStarts[queue] + i · (taps on y) + j]; one entry more ends the last. */
  readonly cellStarts: Int32Array;
  readonly cells: Int32Array;
  /** Tap in steps of the stride, and the weight's part of the bank hash. */
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly code: Int32Array;
  /** Least and greatest y of the chunks of F weights; chunk c of a queue lies at starts[queue] + c. */
  readonly chunkMinY: Int32Array;
  readonly chunkMaxY: Int32Array;
  /** 1 where a chunk has the taps and codes of the one `period` chunks before it: it costs the same. */
  readonly chunkRepeats: Uint8Array;
  /** Chunks after which aligned runs of filters hash alike. */
  readonly period: number;
  /** Refills the queues from the kernels of one step; true when no weight is zero. */
  load(kernels: PlaneSource): boolean;
}

/** Queues for the kernels of `job`. */
export function weightQueues(job: Job, tiling: Tiling, grid: PeGrid): WeightQueues {
  return new Queues(job, tiling, grid.weights);
}

interface Phase {
  readonly taps: { readonly x: readonly Tap[]; readonly y: readonly Tap[] };
  readonly steps: PhaseTaps;
}

function phasesOf({ horizontal: hor, vertical: ver }: Job): Phase[] {
  const inSteps = (list: readonly Tap[], stride: number) =>
    Int32Array.from(list, ({ offset }) => Math.floor(offset / stride));
  const phases: Phase[] = [];
  for (let px = 0; px < hor.stride; px++) {
    for (let py = 0; py < ver.stride; py++) {
      const taps = { x: tapsOfPhase(hor, px), y: tapsOfPhase(ver, py) };
      phases.push({ taps, steps: { x: inSteps(taps.x, hor.stride), y: inSteps(taps.y, ver.stride) } });
    }
  }
  return phases;
}

class Queues implements WeightQueues {
  readonly phases: readonly PhaseTaps[];
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly cellStarts: Int32Array;
  readonly cells: Int32Array;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly code: Int32Array;
  readonly chunkMinY: Int32Array;
  readonly chunkMaxY: Int32Array;
  readonly chunkRepeats: Uint8Array;
  readonly period: number;
  readonly #job: Job;
  readonly #tiling: Tiling;
  /** Weights of a chunk. */
  readonly #size: number;
  readonly #taps: readonly Phase["taps"][];

  constructor(job: Job, tiling: Tiling, size: number) {
    const phases = phasesOf(job);
    this.#job = job;
    this.#tiling = tiling;
    this.#size = size;
    this.#taps = phases.map(({ taps }) => taps);
    this.phases = phases.map(({ steps }) => steps);
    const queues = tiling.passes * phases.length;
    this.starts = new Int32Array(queues + 1);
    this.cellStarts = new Int32Array(queues + 1);
    for (let queue = 0; queue < queues; queue++) {
      const pass = Math.floor(queue / phases.length);
      const { x, y } = this.phases[queue % phases.length];
      const own = Math.min(tiling.passFilters, job.filters - pass * tiling.passFilters);
      this.starts[queue + 1] = this.starts[queue] + x.length * y.length * own;
      this.cellStarts[queue + 1] = this.cellStarts[queue] + x.length * y.length + 1;
    }
    this.ends = new Int32Array(queues);
    this.cells = new Int32Array(this.cellStarts[queues]);
    const entries = () => new Int32Array(this.starts[queues]);
    [this.x, this.y, this.code] = [entries(), entries(), entries()];
    [this.chunkMinY, this.chunkMaxY] = [entries(), entries()];
    this.chunkRepeats = new Uint8Array(this.starts[queues]);
    this.period = repeatingChunks(size);
  }

  load(kernels: PlaneSource): boolean {
    let full = true;
    for (let queue = 0; queue < this.ends.length; queue++) {
      this.#loadQueue(queue, kernels);
      this.#boundChunks(queue);
      full &&= this.ends[queue] === this.starts[queue + 1];
    }
    return full;
  }

  #loadQueue(queue: number, { base, row }: PlaneSource): void {
    const {
      weights: { bytes },
      filters,
      firstFilter,
      filterBits,
    } = this.#job;
    const { cells, x, y, code } = this;
    const pass = Math.floor(queue / this.phases.length);
    const phase = queue % this.phases.length;
    const taps = this.#taps[phase];
    const steps = this.phases[phase];
    const from = pass * this.#tiling.passFilters;
    const until = Math.min(from + this.#tiling.passFilters, filters);
    let to = this.starts[queue];
    let cell = this.cellStarts[queue];
    for (let i = 0; i < taps.x.length; i++) {
      for (let j = 0; j < taps.y.length; j++) {
        cells[cell++] = to;
        const tap = base + taps.y[j].index * row + taps.x[i].index;
        for (let f = from; f < until; f++) {
          const bit = tap + f * filterBits;
          if (((bytes[bit >>> 3] >> (bit & 7)) & 1) === 0) continue;
          x[to] = steps.x[i];
          y[to] = steps.y[j];
          code[to++] = weightCode(firstFilter + f, steps.x[i], steps.y[j]);
        }
      }
    }
    cells[cell] = to;
    this.ends[queue] = to;
  }

  #boundChunks(queue: number): void {
    const { y, ends } = this;
    const size = this.#size;
    for (let at = this.starts[queue], chunk = at; at < ends[queue]; at += size, chunk++) {
      let least = y[at];
      let greatest = y[at];
      for (let i = at + 1; i < Math.min(at + size, ends[queue]); i++) {
        if (y[i] < least) least = y[i];
        if (y[i] > greatest) greatest = y[i];
      }
      this.chunkMinY[chunk] = least;
      this.chunkMaxY[chunk] = greatest;
      this.chunkRepeats[chunk] = Number(this.#repeats(at, queue));
    }
  }

  /** Whether the full chunk at `at` equals the one a period before; equal codes alone may stand for other taps. */
  #repeats(at: number, queue: number): boolean {
    const { code, x, y } = this;
    const shift = this.period * this.#size;
    if (at - shift < this.starts[queue] || at + this.#size > this.ends[queue]) return false;
    for (let i = at; i < at + this.#size; i++) {
      if (code[i] !== code[i - shift] || x[i] !== x[i - shift] || y[i] !== y[i - shift]) return false;
    }
    return true;
  }
}

/** The least number of chunks of `size` consecutive filters that span whole periods of the bank hash. */
function repeatingChunks(size: number): number {
  let chunks = 1;
  while ((chunks * size) % HASHED_FILTERS !== 0) chunks *= 2;
  return chunks;
}
