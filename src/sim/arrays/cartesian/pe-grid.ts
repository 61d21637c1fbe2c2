/**
 * The array of processing elements and how a job is cut for it: tiles of activations, passes over the filters that fit
 * into the accumulators, the cost of exchanging sums at the seams, and the cost without skipping in closed form.
 * Source: SCNN, Parashar et al., ISCA 2017, as modelled by DNNsim 4748a600; "spread" accumulation and several arrays are ours.
 */
import type { Job } from "./job.ts";
import { lastOffset, type PlaneAxis, positionsOfPhase, tapsOfPhase } from "./plane-axis.ts";

/** Sizes of the array. */
export interface PeGrid {
  /** Arrays of `peRows` × `peColumns` side by side, 1 where not given. */
  readonly arrays?: number;
  readonly peRows: number;
  readonly peColumns: number;
  /** Activations and weights that a processing element multiplies with each other in one cycle. */
  readonly activations: number;
  readonly weights: number;
  /** Accumulators of a processing element, and the banks they lie in. */
  readonly accumulators: number;
  readonly banks: number;
}

/** How a job lies on the arrays. */
export interface Tiling {
  /** Activation positions of a processing element. */
  readonly width: number;
  readonly height: number;
  /** Filters of one pass. */
  readonly passFilters: number;
  readonly passes: number;
  /** What arrays take side by side, pass by pass: images or, where outputs are "outer", planes in `copies` parts of the steps. */
  readonly sharers: number;
  readonly copies: number;
}

/**
 * Cuts a job into tiles and passes. A plane that does not fit the accumulators at all still runs filter by filter. Where there
 * are more arrays than images or planes, filters are cut for them, and then the steps of an outer product.
 */
export function tilingOf(job: Job, grid: PeGrid): Tiling {
  const { horizontal: x, vertical: y, accumulate, filters, images, steps } = job;
  const { arrays = 1 } = grid;
  const [width, height] = [Math.ceil(x.extent / grid.peColumns), Math.ceil(y.extent / grid.peRows)];
  const held =
    accumulate === "tiles"
      ? Math.ceil(x.outputs / grid.peColumns) * Math.ceil(y.outputs / grid.peRows)
      : outputsInReach(x, width) * outputsInReach(y, height);
  const { planes } = steps;
  const chunks = Math.ceil(filters / grid.weights);
  const copies = accumulate === "outer" ? clamp(Math.floor(arrays / (planes * chunks)), 1, steps.count) : 1;
  const sharers = accumulate === "outer" ? planes * copies : images;
  const share = Math.ceil(filters / Math.max(1, Math.floor(arrays / sharers)));
  const passFilters = Math.max(1, Math.min(share, Math.floor(grid.accumulators / held)));
  return { width, height, passFilters, passes: Math.ceil(filters / passFilters), sharers, copies };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** Filters of pass `pass`. */
function filtersOfPass({ filters }: Job, { passFilters }: Tiling, pass: number): number {
  return Math.min(passFilters, filters - pass * passFilters);
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
 * "tiles": to each of the 8 neighbours, side by side, one value a cycle. Else the sums travel along the rows, then along the columns,
 * each element adding its own to those that pass, and then from array to array.
 */
export function haloOf(job: Job, tiling: Tiling, grid: PeGrid): Halo {
  const { horizontal: x, vertical: y } = job;
  if (job.accumulate !== "tiles") {
    const held = outputsInReach(x, tiling.width) * outputsInReach(y, tiling.height);
    const spread = job.accumulate === "spread";
    const arrays = spread ? Math.min(grid.arrays ?? 1, job.images) : tiling.copies;
    const hops = [spread && lastOffset(x) > 0 && grid.peColumns > 1, spread && lastOffset(y) > 0 && grid.peRows > 1];
    const sent = held * [...hops, arrays > 1].filter((hop) => hop).length;
    return { transfers: sent, cycles: sent };
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

/** Filters whose sums are exchanged one after the other: those of arrays side by side are exchanged together. */
export function drainedFilters(job: Job, tiling: Tiling, { arrays = 1 }: PeGrid): number {
  const passes = Array.from({ length: tiling.passes }, (_, pass) => filtersOfPass(job, tiling, pass));
  const { sharers, copies } = tiling;
  if (job.accumulate === "spread")
    return job.drains * sumOfRounds(passes, Math.max(1, Math.floor(arrays / sharers)), 1);
  return sumOfRounds(passes, Math.max(1, Math.floor(arrays / copies)), sharers / copies);
}

/** Tasks are passes, each `repeat` times, in rounds of `size` that wait for the slowest: sum of what the rounds cost. */
export function sumOfRounds(passes: ArrayLike<number>, size: number, repeat: number): number {
  let sum = 0;
  let slowest = 0;
  const tasks = passes.length * repeat;
  for (let task = 0; task < tasks; task++) {
    const cost = passes[Math.floor(task / repeat)];
    if (cost > slowest) slowest = cost;
    if ((task + 1) % size !== 0 && task !== tasks - 1) continue;
    sum += slowest;
    slowest = 0;
  }
  return sum;
}

/** What one plane costs without skipping, pass by pass, and what an array then reads. */
export interface DensePlane {
  readonly cycles: Float64Array;
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
  let [activationReads, weightReads] = [0, 0];
  const cycles = Float64Array.from({ length: tiling.passes }, (_, pass) => {
    const filters = filtersOfPass(job, tiling, pass);
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
    return longest;
  });
  return { cycles, activationReads, weightReads };
}
