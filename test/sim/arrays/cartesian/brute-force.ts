/**
 * What a job costs, one chunk of I × F products after the other, straight from the coordinates: every pair of chunks is
 * visited, every product asks whether its output exists, and the bank is hashed from the output's own coordinates.
 */
import type { Job, PlaneSource } from "../../../../src/sim/arrays/cartesian/job.ts";
import { type PeGrid, tilingOf } from "../../../../src/sim/arrays/cartesian/pe-grid.ts";

interface Activation {
  readonly x: number;
  readonly y: number;
}

interface Weight extends Activation {
  readonly k: number;
}

/** Counts of one job without the exchange of sums. Arrays take the images of a pass, and then those of the next one. */
export function bruteForceJob(job: Job, grid: PeGrid) {
  const { horizontal: hor, vertical: ver } = job;
  const { arrays = 1 } = grid;
  const tiling = tilingOf(job, grid);
  const totals = { cycles: 0, mults: 0, conflicts: 0, products: 0 };
  /** Cycles of the tasks of one channel, or of all of them where arrays do not wait for each other in between. */
  const tasks = new Map<number, number[]>();
  const keep = (channel: number, task: number, cycles: number) => {
    const own = tasks.get(channel) ?? [];
    own[task] = (own[task] ?? 0) + cycles;
    tasks.set(channel, own);
  };
  const { sharers, copies } = tiling;
  const { count, planes } = job.steps;
  for (let s = 0; s < count; s++) {
    for (let p = 0; p < planes; p++) {
      const [kernels, plane] = [job.steps.weights(s), job.steps.plane(s, p)];
      for (let first = 0; first < job.filters; first += tiling.passFilters) {
        const weights = weightsOf(job, kernels, first, Math.min(job.filters, first + tiling.passFilters));
        let longest = 0;
        for (let column = 0; column < grid.peColumns; column++) {
          for (let row = 0; row < grid.peRows; row++) {
            const acts = activationsOf(job, plane, column * tiling.width, row * tiling.height, tiling);
            let own = 0;
            for (let px = 0; px < hor.stride; px++) {
              for (let py = 0; py < ver.stride; py++) {
                const inPhase = ({ x, y }: Activation) => x % hor.stride === px && y % ver.stride === py;
                own += multiply(job, grid, acts.filter(inPhase), weights.filter(inPhase), totals);
              }
            }
            longest = Math.max(longest, own);
          }
        }
        const task = Math.floor(first / tiling.passFilters) * sharers;
        if (job.accumulate === "tiles") keep(s, task + p, longest);
        else if (job.accumulate === "spread") keep(p, task + s, longest);
        else keep(0, task + Math.floor((s * copies) / count) * planes + p, longest);
      }
    }
  }
  for (const own of tasks.values()) {
    const lists = Array.from({ length: arrays }, (_, array) => own.filter((_, task) => task % arrays === array));
    if (job.accumulate === "outer") {
      totals.cycles += Math.max(...lists.map((list) => list.reduce((sum, cycles) => sum + cycles, 0)));
      continue;
    }
    for (let round = 0; round < own.length; round++) {
      totals.cycles += Math.max(...lists.map((list) => list[round] ?? 0));
    }
  }
  return totals;
}

function multiply(
  { horizontal: hor, vertical: ver }: Job,
  grid: PeGrid,
  acts: readonly Activation[],
  weights: readonly Weight[],
  totals: { mults: number; conflicts: number; products: number },
): number {
  let cycles = 0;
  for (let a = 0; a < acts.length; a += grid.activations) {
    for (let b = 0; b < weights.length; b += grid.weights) {
      const hits = new Map<number, number>();
      for (const act of acts.slice(a, a + grid.activations)) {
        for (const { x, y, k } of weights.slice(b, b + grid.weights)) {
          totals.products++;
          const [w, h] = [(act.x - x) / hor.stride, (act.y - y) / ver.stride];
          if (w < 0 || w >= hor.outputs || h < 0 || h >= ver.outputs) continue;
          totals.mults++;
          const bank = bankOf(k, w, h, grid.banks);
          hits.set(bank, (hits.get(bank) ?? 0) + 1);
        }
      }
      const cost = Math.max(1, ...hits.values());
      cycles += cost;
      totals.conflicts += cost - 1;
    }
  }
  return cycles;
}

/** The hash of DNNsim 4748a600, on whole coordinates. */
export function bankOf(k: number, w: number, h: number, banks: number): number {
  return ((((k & 4) << 2) ^ ((w & 2) << 3) ^ ((h & 2) << 3)) + ((w & 1) << 3) + ((h & 1) << 2) + (k & 3)) % banks;
}

function activationsOf(
  job: Job,
  { base, row }: PlaneSource,
  left: number,
  top: number,
  { width, height }: { readonly width: number; readonly height: number },
): Activation[] {
  const { horizontal: hor, vertical: ver } = job;
  const found: Activation[] = [];
  for (let x = left; x < Math.min(left + width, hor.extent); x++) {
    for (let y = top; y < Math.min(top + height, ver.extent); y++) {
      const [atX, atY] = [x - hor.before, y - ver.before];
      const inside = atX >= 0 && atX < hor.size && atY >= 0 && atY < ver.size;
      if (inside ? bitAt(job.activations.bytes, base + atY * row + atX) : job.paddingAsNonzeros) found.push({ x, y });
    }
  }
  return found;
}

function weightsOf(job: Job, { base, row }: PlaneSource, from: number, until: number): Weight[] {
  const found: Weight[] = [];
  for (const r of job.horizontal.taps) {
    for (const s of job.vertical.taps) {
      for (let f = from; f < until; f++) {
        const bit = base + f * job.filterBits + s.index * row + r.index;
        if (bitAt(job.weights.bytes, bit)) found.push({ x: r.offset, y: s.offset, k: job.firstFilter + f });
      }
    }
  }
  return found;
}

function bitAt(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3] >> (bit & 7)) & 1) === 1;
}
