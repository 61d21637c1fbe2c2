/**
 * What a job costs, one chunk of I × F products after the other, straight from the coordinates: every pair of chunks is
 * visited, every product asks whether its output exists, and the bank is hashed from the output's own coordinates.
 */
import type { Job, PlaneSource } from "../../../src/sim/cartesian/job.ts";
import { type PeGrid, tilingOf } from "../../../src/sim/cartesian/pe-grid.ts";

interface Activation {
  readonly x: number;
  readonly y: number;
}

interface Weight extends Activation {
  readonly k: number;
}

/** Counts of one job without the exchange of sums. */
export function bruteForceJob(job: Job, grid: PeGrid) {
  const { horizontal: hor, vertical: ver } = job;
  const tiling = tilingOf(job, grid);
  const totals = { cycles: 0, mults: 0, conflicts: 0, products: 0 };
  for (const step of job.steps) {
    for (const plane of step.planes) {
      for (let first = 0; first < job.filters; first += tiling.passFilters) {
        const weights = weightsOf(job, step.weights, first, Math.min(job.filters, first + tiling.passFilters));
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
        totals.cycles += longest;
      }
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
      if (inside ? bitAt(job.activations, base + atY * row + atX) : job.solidPadding) found.push({ x, y });
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
        if (bitAt(job.weights, bit)) found.push({ x: r.offset, y: s.offset, k: job.firstFilter + f });
      }
    }
  }
  return found;
}

function bitAt(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3] >> (bit & 7)) & 1) === 1;
}
