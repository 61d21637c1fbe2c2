/**
 * The array of processing elements and how a job is cut for it: tiles of activations, passes over the filters that fit
 * into the accumulators, the cost of exchanging sums at the seams, and the cost without skipping in closed form.
 * Source: SCNN, Parashar et al., ISCA 2017, as modelled by DNNsim 4748a600; "spread" accumulation is ours.
 */
import type { Job } from "./job.ts";
import { lastOffset, type PlaneAxis, positionsOfPhase, tapsOfPhase } from "./plane-axis.ts";

/** Sizes of the array. */
export interface PeGrid {
  readonly peRows: number;
  readonly peColumns: number;
  /** Activations and weights that a processing element multiplies with each other in one cycle. */
  readonly activations: number;
  readonly weights: number;
  /** Accumulators of a processing element, and the banks they lie in. */
  readonly accumulators: number;
  readonly banks: number;
}

/** How a job lies on the array. */
export interface Tiling {
  /** Activation positions of a processing element. */
  readonly width: number;
  readonly height: number;
  /** Filters of one pass. */
  readonly passFilters: number;
  readonly passes: number;
}

/** Cuts a job into tiles and passes. A plane that does not fit the accumulators at all still runs filter by filter. */
export function tilingOf(job: Job, grid: PeGrid): Tiling {
  const { horizontal: x, vertical: y, accumulate, filters } = job;
  const [width, height] = [Math.ceil(x.extent / grid.peColumns), Math.ceil(y.extent / grid.peRows)];
  const held =
    accumulate === "spread"
      ? outputsInReach(x, width) * outputsInReach(y, height)
      : Math.ceil(x.outputs / grid.peColumns) * Math.ceil(y.outputs / grid.peRows);
  const passFilters = Math.max(1, Math.min(filters, Math.floor(grid.accumulators / held)));
  return { width, height, passFilters, passes: Math.ceil(filters / passFilters) };
}

/** Outputs that a tile of `width` positions can meet. */
function outputsInReach(axis: PlaneAxis, width: number): number {
  return Math.min(axis.outputs, Math.floor((width - 1 + lastOffset(axis)) / axis.stride) + 1);
}

/** Values that one processing element sends after a pass, for one filter: in all, and over its busiest link. */
export interface Halo {
  readonly transfers: number;
  readonly cycles: number;
}

/**
 * "tiles": to each of the 8 neighbours, side by side, one value a cycle. "spread": the sums travel along the rows, then
 * along the columns, each element adding its own to those that pass.
 */
export function haloOf(job: Job, tiling: Tiling, grid: PeGrid): Halo {
  const { horizontal: x, vertical: y } = job;
  if (job.accumulate === "spread") {
    const held = outputsInReach(x, tiling.width) * outputsInReach(y, tiling.height);
    const hops = Number(lastOffset(x) > 0 && grid.peColumns > 1) + Number(lastOffset(y) > 0 && grid.peRows > 1);
    return { transfers: held * hops, cycles: held * hops };
  }
  const [left, right] = [Math.max(0, lastOffset(x) - x.before), Math.max(0, x.before)];
  const [above, below] = [Math.max(0, lastOffset(y) - y.before), Math.max(0, y.before)];
  let transfers = 0;
  let cycles = 0;
  for (const [i, columns] of [left, tiling.width, right].entries()) {
    for (const [j, rows] of [above, tiling.height, below].entries()) {
      if (i === 1 && j === 1) continue;
      transfers += columns * rows;
      cycles = Math.max(cycles, columns * rows);
    }
  }
  return { transfers, cycles };
}

/** What one plane costs without skipping, and what the array then reads. */
export interface DensePlane {
  readonly cycles: number;
  readonly activationReads: number;
  readonly weightReads: number;
}

/** Cost of one activation plane with all its filters when no zero is skipped; bank conflicts are not counted. */
export function densePlane(job: Job, tiling: Tiling, grid: PeGrid): DensePlane {
  const { horizontal: x, vertical: y } = job;
  const phases: { readonly px: number; readonly py: number; readonly taps: number }[] = [];
  for (let px = 0; px < x.stride; px++) {
    for (let py = 0; py < y.stride; py++) {
      phases.push({ px, py, taps: tapsOfPhase(x, px).length * tapsOfPhase(y, py).length });
    }
  }
  let [cycles, activationReads, weightReads] = [0, 0, 0];
  for (let first = 0; first < job.filters; first += tiling.passFilters) {
    const filters = Math.min(tiling.passFilters, job.filters - first);
    let longest = 0;
    for (let column = 0; column < grid.peColumns; column++) {
      for (let row = 0; row < grid.peRows; row++) {
        let own = 0;
        for (const { px, py, taps } of phases) {
          const columns = positionsOfPhase(column * tiling.width, tiling.width, x.stride, px);
          const positions = columns * positionsOfPhase(row * tiling.height, tiling.height, y.stride, py);
          const activationChunks = Math.ceil(positions / grid.activations);
          const weightChunks = Math.ceil((taps * filters) / grid.weights);
          own += activationChunks * weightChunks;
          activationReads += activationChunks * grid.activations;
          weightReads += weightChunks * grid.weights;
        }
        longest = Math.max(longest, own);
      }
    }
    cycles += longest;
  }
  return { cycles, activationReads, weightReads };
}
