/**
 * The nonzero weights of one reduction step, by pass over the filters and by stride phase: taps by ascending offset
 * (columns first), filters innermost. All processing elements work through the same queue.
 */
import { HASHED_FILTERS, weightCode } from "./banks.ts";
import type { Job, PlaneSource } from "./job.ts";
import type { PeGrid, Tiling } from "./pe-grid.ts";
import { type Tap, tapsOfPhase } from "./plane-axis.ts";

/** Taps of one stride phase, in steps of the stride. */
export interface PhaseTaps {
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
  const { horizontal: hor, vertical: ver, weights: bytes, filters, firstFilter, filterBits } = job;
  const taps: { readonly x: readonly Tap[]; readonly y: readonly Tap[] }[] = [];
  for (let px = 0; px < hor.stride; px++) {
    for (let py = 0; py < ver.stride; py++) taps.push({ x: tapsOfPhase(hor, px), y: tapsOfPhase(ver, py) });
  }
  const inSteps = (list: readonly Tap[], stride: number) =>
    Int32Array.from(list, ({ offset }) => Math.floor(offset / stride));
  const phases = taps.map((phase): PhaseTaps => ({ x: inSteps(phase.x, hor.stride), y: inSteps(phase.y, ver.stride) }));

  const queues = tiling.passes * phases.length;
  const [starts, cellStarts] = [new Int32Array(queues + 1), new Int32Array(queues + 1)];
  for (let queue = 0; queue < queues; queue++) {
    const pass = Math.floor(queue / phases.length);
    const { x, y } = phases[queue % phases.length];
    const own = Math.min(tiling.passFilters, filters - pass * tiling.passFilters);
    starts[queue + 1] = starts[queue] + x.length * y.length * own;
    cellStarts[queue + 1] = cellStarts[queue] + x.length * y.length + 1;
  }
  const ends = new Int32Array(queues);
  const cells = new Int32Array(cellStarts[queues]);
  const [x, y, code, chunkMinY, chunkMaxY] = [0, 1, 2, 3, 4].map(() => new Int32Array(starts[queues]));

  const chunkRepeats = new Uint8Array(starts[queues]);
  const period = repeatingChunks(grid.weights);

  const loadQueue = (queue: number, { base, row }: PlaneSource) => {
    const pass = Math.floor(queue / phases.length);
    const phase = queue % phases.length;
    const { x: tapsX, y: tapsY } = taps[phase];
    const steps = phases[phase];
    const from = pass * tiling.passFilters;
    const until = Math.min(from + tiling.passFilters, filters);
    let to = starts[queue];
    let cell = cellStarts[queue];
    for (let i = 0; i < tapsX.length; i++) {
      for (let j = 0; j < tapsY.length; j++) {
        cells[cell++] = to;
        const tap = base + tapsY[j].index * row + tapsX[i].index;
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
    ends[queue] = to;
  };
  const boundChunks = (queue: number) => {
    for (let at = starts[queue], chunk = at; at < ends[queue]; at += grid.weights, chunk++) {
      let [least, greatest] = [y[at], y[at]];
      for (let i = at + 1; i < Math.min(at + grid.weights, ends[queue]); i++) {
        if (y[i] < least) least = y[i];
        if (y[i] > greatest) greatest = y[i];
      }
      chunkMinY[chunk] = least;
      chunkMaxY[chunk] = greatest;
      chunkRepeats[chunk] = Number(repeats(at, queue));
    }
  };
  /** Whether the full chunk at `at` equals the one a period before; equal codes alone may stand for other taps. */
  const repeats = (at: number, queue: number): boolean => {
    const shift = period * grid.weights;
    if (at - shift < starts[queue] || at + grid.weights > ends[queue]) return false;
    for (let i = at; i < at + grid.weights; i++) {
      if (code[i] !== code[i - shift] || x[i] !== x[i - shift] || y[i] !== y[i - shift]) return false;
    }
    return true;
  };
  return {
    phases,
    starts,
    ends,
    cellStarts,
    cells,
    x,
    y,
    code,
    chunkMinY,
    chunkMaxY,
    chunkRepeats,
    period,
    load(kernels) {
      let full = true;
      for (let queue = 0; queue < queues; queue++) {
        loadQueue(queue, kernels);
        boundChunks(queue);
        full &&= ends[queue] === starts[queue + 1];
      }
      return full;
    },
  };
}

/** The least number of chunks of `size` consecutive filters that span whole periods of the bank hash. */
function repeatingChunks(size: number): number {
  let chunks = 1;
  while ((chunks * size) % HASHED_FILTERS !== 0) chunks *= 2;
  return chunks;
}
