/**
 * What one job costs. Every processing element works through its own activations with the weights of the pass; all wait
 * for the slowest after each plane, and sums are exchanged where accumulators are emptied. Several arrays take an image and a
 * pass over the filters each and wait for each other, too, as all are sent the weights of one channel after the other; those of
 * outer products take planes, and wait at the end.
 * With I · F multipliers each, cycles · PEs · I · F = mults + idleBricks + idleConflicts + idlePEs + idleHalo.
 */
import { type ActivationQueues, activationQueues } from "./activation-queues.ts";
import type { Job, PlaneSource } from "./job.ts";
import { densePlane, drainedFilters, haloOf, type PeGrid, sumOfRounds, type Tiling, tilingOf } from "./pe-grid.ts";
import { ProductCounter } from "./products.ts";
import { type WeightQueues, weightQueues } from "./weight-queues.ts";

/** Sums over the jobs of an operation, named as DNNsim names them where it has them. */
export interface CartesianTotals {
  cycles: number;
  baseCycles: number;
  packedCycles: number;
  /** Products of two nonzeros that land in an output, and those that do not. */
  mults: number;
  redundantProducts: number;
  /** Multiplier slots of chunks without such a product: redundant products and chunks that are not full. */
  idleBricks: number;
  idleConflicts: number;
  idlePEs: number;
  idleHalo: number;
  haloCycles: number;
  /** Cycles that the slowest processing elements lost to bank conflicts; without them no operation is slower than unskipped. */
  conflictCycles: number;
  haloTransfers: number;
  weightReads: number;
  activationReads: number;
  activationChunks: number;
  chunkPairs: number;
  offChipWeightReads: number;
}

/** Totals of nothing. */
export function emptyCartesianTotals(): CartesianTotals {
  return {
    cycles: 0,
    baseCycles: 0,
    packedCycles: 0,
    mults: 0,
    redundantProducts: 0,
    idleBricks: 0,
    idleConflicts: 0,
    idlePEs: 0,
    idleHalo: 0,
    haloCycles: 0,
    conflictCycles: 0,
    haloTransfers: 0,
    weightReads: 0,
    activationReads: 0,
    activationChunks: 0,
    chunkPairs: 0,
    offChipWeightReads: 0,
  };
}

/** Adds one job to `totals`, exactly (`skipping`) or as the array without skipping. */
export function runJob(job: Job, grid: PeGrid, skipping: boolean, totals: CartesianTotals): void {
  const tiling = tilingOf(job, grid);
  const halo = haloOf(job, tiling, grid);
  const haloCycles = halo.cycles * drainedFilters(job, tiling, grid);
  const planes = job.steps.count * job.steps.planes;
  const dense = densePlane(job, tiling, grid);
  const repeats = job.accumulate === "outer" ? Math.ceil(job.steps.count / tiling.copies) : planes / job.images;
  const baseCycles = repeats * sumOfRounds(dense.cycles, grid.arrays ?? 1, tiling.sharers);
  totals.baseCycles += baseCycles + haloCycles;
  totals.cycles += haloCycles;
  totals.packedCycles += haloCycles;
  totals.haloCycles += haloCycles;
  totals.idleHalo += haloCycles * multipliersOf(grid);
  totals.haloTransfers += halo.transfers * tiling.passes * job.drains;
  if (skipping) {
    runPlanes(job, tiling, grid, totals);
    return;
  }
  totals.cycles += baseCycles;
  totals.packedCycles += baseCycles;
  totals.weightReads += dense.weightReads * planes;
  totals.activationReads += dense.activationReads * planes;
}

function multipliersOf({ arrays = 1, peRows, peColumns, activations, weights }: PeGrid): number {
  return arrays * peRows * peColumns * activations * weights;
}

/** What one pass over one plane costs an array. */
interface PassCost {
  readonly cycles: number;
  readonly stalls: number;
  readonly packed: number;
}

function runPlanes(job: Job, tiling: Tiling, grid: PeGrid, totals: CartesianTotals): void {
  const { arrays = 1 } = grid;
  const costs = new PassCosts(job, tiling, grid, totals);
  const { cycles, stalls, packed, busy } = (job.isDense ? densePlanes : eachPlane)(job, tiling, arrays, costs);
  totals.cycles += cycles;
  totals.conflictCycles += stalls;
  totals.packedCycles += packed;
  // Elements of an array that wait for its slowest are counted already.
  totals.idlePEs += (cycles * arrays - busy) * (multipliersOf(grid) / arrays);
}

/** What arrays take for all planes, and the cycles that they work, taken together. */
interface PlanesCost extends PassCost {
  readonly busy: number;
}

function eachPlane(job: Job, { sharers, copies, passes }: Tiling, arrays: number, costs: PassCosts): PlanesCost {
  const { count, planes, ...steps } = job.steps;
  const waits = job.accumulate === "outer" ? waitsAtEnd(arrays) : waitsInRounds(arrays);
  const rounds = Math.ceil((sharers * passes) / arrays);
  let busy = 0;
  for (let s = 0; s < count; s++) {
    costs.load(steps.weights(s));
    const copy = Math.floor((s * copies) / count);
    for (let p = 0; p < planes; p++) {
      const [sharer, serial] =
        job.accumulate === "tiles" ? [p, s] : job.accumulate === "spread" ? [s, p] : [copy * planes + p, s];
      costs.of(steps.plane(s, p)).forEach((own, pass) => {
        busy += own.cycles;
        const task = pass * sharers + sharer;
        waits.add(task % arrays, serial * rounds + Math.floor(task / arrays), own);
      });
    }
  }
  return { ...waits.sum(), busy };
}

/** The same where no element is zero, and all planes cost the same: what follows one another repeats. */
function densePlanes(job: Job, { sharers, copies }: Tiling, arrays: number, costs: PassCosts): PlanesCost {
  const { count, planes, ...steps } = job.steps;
  costs.load(steps.weights(0));
  const passes = costs.of(steps.plane(0, 0));
  costs.repeat(count * planes - 1);
  const busy = count * planes * passes.reduce((sum, own) => sum + own.cycles, 0);
  const isOuter = job.accumulate === "outer";
  const waits = isOuter ? waitsAtEnd(arrays) : waitsInRounds(arrays);
  const side = isOuter ? copies * planes : job.accumulate === "tiles" ? planes : count;
  for (let sharer = 0; sharer < side; sharer++) {
    const copy = Math.floor(sharer / planes);
    // Steps of a copy of an outer product; of the others one, which all follow alike.
    const times = isOuter ? Math.ceil(((copy + 1) * count) / copies) - Math.ceil((copy * count) / copies) : 1;
    passes.forEach((own, pass) => {
      const task = pass * sharers + sharer;
      waits.add(task % arrays, Math.floor(task / arrays), scaled(own, times));
    });
  }
  return { ...scaled(waits.sum(), isOuter ? 1 : (count * planes) / side), busy };
}

function scaled({ cycles, stalls, packed }: PassCost, times: number): PassCost {
  return { cycles: times * cycles, stalls: times * stalls, packed: times * packed };
}

/** What arrays take together, fed with what each of them takes. */
interface Waits {
  add(array: number, round: number, own: PassCost): void;
  sum(): PassCost;
}

/** All arrays wait for the slowest of each round. */
function waitsInRounds(arrays: number): Waits {
  const slowest = new Map<number, PassCost>();
  const sum = { cycles: 0, stalls: 0, packed: 0 };
  const add = ({ cycles, stalls, packed }: PassCost) => {
    sum.cycles += cycles;
    sum.stalls += stalls;
    sum.packed += packed;
  };
  return {
    add(_, round, own) {
      if (arrays === 1) return add(own);
      const { cycles, stalls, packed } = slowest.get(round) ?? { cycles: 0, stalls: 0, packed: 0 };
      const longer = own.cycles > cycles ? own : { cycles, stalls };
      slowest.set(round, { ...longer, packed: Math.max(packed, own.packed) });
    },
    sum() {
      for (const round of slowest.values()) add(round);
      return sum;
    },
  };
}

/** Arrays do one task after the other and wait for each other at the end. */
function waitsAtEnd(arrays: number): Waits {
  const [cycles, stalls, packed] = [0, 1, 2].map(() => new Float64Array(arrays));
  return {
    add(array, _, own) {
      cycles[array] += own.cycles;
      stalls[array] += own.stalls;
      packed[array] += own.packed;
    },
    sum() {
      const last = cycles.indexOf(Math.max(...cycles));
      return { cycles: cycles[last], stalls: stalls[last], packed: Math.max(...packed) };
    },
  };
}

/** Costs of the passes over planes, one step after the other; adds all that is no time to `totals`. */
class PassCosts {
  readonly #passes: number;
  readonly #grid: PeGrid;
  readonly #totals: CartesianTotals;
  readonly #acts: ActivationQueues;
  readonly #weights: WeightQueues;
  readonly #products: ProductCounter;
  readonly #pes: number;
  #fullKernels = false;
  /** What a plane without a zero costs under kernels without a zero: the same every time. */
  #full: { readonly costs: readonly PassCost[]; readonly counts: CartesianTotals } | undefined;

  constructor(job: Job, tiling: Tiling, grid: PeGrid, totals: CartesianTotals) {
    this.#passes = tiling.passes;
    this.#grid = grid;
    this.#totals = totals;
    this.#acts = activationQueues(job, tiling, grid);
    this.#weights = weightQueues(job, tiling, grid);
    this.#products = new ProductCounter(this.#acts, this.#weights, job, grid);
    this.#pes = grid.peRows * grid.peColumns;
  }

  /** Takes the kernels of a step. */
  load(kernels: PlaneSource): void {
    this.#fullKernels = this.#weights.load(kernels);
  }

  /** Costs of the passes over a plane under the kernels of the step. */
  of(plane: PlaneSource): readonly PassCost[] {
    const isFull = this.#acts.load(plane) && this.#fullKernels;
    if (isFull && this.#full !== undefined) {
      this.repeat(1);
      return this.#full.costs;
    }
    const before = isFull ? { ...this.#totals } : undefined;
    const costs = Array.from({ length: this.#passes }, (_, pass) => this.#passCost(pass));
    if (before !== undefined) {
      const counts = { ...this.#totals };
      add(counts, before, -1);
      this.#full = { costs, counts };
    }
    return costs;
  }

  /** Counts a plane without a zero, under kernels without a zero, as often as it follows the first one. */
  repeat(times: number): void {
    if (this.#full !== undefined) add(this.#totals, this.#full.counts, times);
  }

  /** All processing elements of an array over one plane and the filters of one pass. */
  #passCost(pass: number): PassCost {
    const { activations: I, weights: F } = this.#grid;
    const weightReads = this.#weightReads(pass);
    const totals = this.#totals;
    let busy = 0;
    let mostLoops = 0;
    const slowest = { cycles: 0, stalls: 0, packed: 0 };
    for (let pe = 0; pe < this.#pes; pe++) {
      const { cycles, stalls, packed, loops } = this.#elementCost(pe, pass);
      totals.activationChunks += loops;
      totals.activationReads += loops * I;
      busy += cycles;
      if (cycles > slowest.cycles) {
        slowest.cycles = cycles;
        slowest.stalls = stalls;
      }
      if (packed > slowest.packed) slowest.packed = packed;
      if (loops > mostLoops) mostLoops = loops;
    }
    totals.idlePEs += (slowest.cycles * this.#pes - busy) * I * F;
    totals.weightReads += weightReads * this.#pes;
    totals.offChipWeightReads += mostLoops * weightReads;
    return slowest;
  }

  /** Weights of a pass, in whole chunks. */
  #weightReads(pass: number): number {
    const { weights: F } = this.#grid;
    const { starts, ends, phases } = this.#weights;
    let reads = 0;
    for (let phase = 0; phase < phases.length; phase++) {
      const queue = pass * phases.length + phase;
      reads += Math.ceil((ends[queue] - starts[queue]) / F) * F;
    }
    return reads;
  }

  /** One processing element: phase by phase, its activations against the weights of the pass. */
  #elementCost(pe: number, pass: number): PassCost & { readonly loops: number } {
    const { activations: I, weights: F } = this.#grid;
    const totals = this.#totals;
    const phases = this.#weights.phases.length;
    const cost = { cycles: 0, stalls: 0, packed: 0, loops: 0 };
    for (let phase = 0; phase < phases; phase++) {
      const aQueue = phase * this.#pes + pe;
      const wQueue = pass * phases + phase;
      const nonzeros = this.#acts.ends[aQueue] - this.#acts.starts[aQueue];
      if (nonzeros === 0) continue;
      const activationChunks = Math.ceil(nonzeros / I);
      cost.loops += activationChunks;
      const taken = this.#weights.ends[wQueue] - this.#weights.starts[wQueue];
      if (taken === 0) continue;
      this.#products.count(aQueue, wQueue);
      const { valid, stalls } = this.#products;
      const pairs = activationChunks * Math.ceil(taken / F);
      cost.cycles += pairs + stalls;
      cost.stalls += stalls;
      cost.packed += Math.ceil((nonzeros * taken) / (I * F));
      totals.chunkPairs += pairs;
      totals.mults += valid;
      totals.redundantProducts += nonzeros * taken - valid;
      totals.idleBricks += pairs * I * F - valid;
      totals.idleConflicts += stalls * I * F;
    }
    return cost;
  }
}

function add(to: CartesianTotals, summand: CartesianTotals, times: number): void {
  for (const key of Object.keys(to) as (keyof CartesianTotals)[]) to[key] += times * summand[key];
}
