/**
 * What one job costs. Every processing element works through its own activations with the weights of the pass; all wait
 * for the slowest after each plane, and sums are exchanged where accumulators are emptied.
 * With I · F multipliers each, cycles · PEs · I · F = mults + idleBricks + idleConflicts + idlePEs + idleHalo.
 */
import { activationQueues } from "./activation-queues.ts";
import type { Job } from "./job.ts";
import { densePlane, haloOf, type PeGrid, type Tiling, tilingOf } from "./pe-grid.ts";
import { productCounter } from "./products.ts";
import { weightQueues } from "./weight-queues.ts";

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
  const haloCycles = halo.cycles * job.filters * job.drains;
  const planes = job.steps.reduce((sum, step) => sum + step.planes.length, 0);
  const dense = densePlane(job, tiling, grid);
  const multipliers = grid.peRows * grid.peColumns * grid.activations * grid.weights;
  totals.baseCycles += dense.cycles * planes + haloCycles;
  totals.cycles += haloCycles;
  totals.packedCycles += haloCycles;
  totals.haloCycles += haloCycles;
  totals.idleHalo += haloCycles * multipliers;
  totals.haloTransfers += halo.transfers * tiling.passes * job.drains;
  if (skipping) {
    runPlanes(job, tiling, grid, totals);
    return;
  }
  totals.cycles += dense.cycles * planes;
  totals.packedCycles += dense.cycles * planes;
  totals.weightReads += dense.weightReads * planes;
  totals.activationReads += dense.activationReads * planes;
}

function runPlanes(job: Job, tiling: Tiling, grid: PeGrid, totals: CartesianTotals): void {
  const acts = activationQueues(job, tiling, grid);
  const weights = weightQueues(job, tiling, grid);
  const products = productCounter(acts, weights, job, grid);
  const { activations: I, weights: F } = grid;
  const pes = grid.peRows * grid.peColumns;
  const phases = weights.phases.length;
  /** What a plane without a zero costs under kernels without a zero: the same every time. */
  let full: CartesianTotals | undefined;
  let repeats = 0;
  for (const step of job.steps) {
    if (job.isDense && full !== undefined) {
      repeats += step.planes.length;
      continue;
    }
    const fullKernels = weights.load(step.weights);
    for (const plane of step.planes) {
      const isFull = acts.load(plane) && fullKernels;
      if (isFull && full !== undefined) {
        repeats++;
        continue;
      }
      const before = isFull ? { ...totals } : undefined;
      for (let pass = 0; pass < tiling.passes; pass++) runPass(pass);
      if (before === undefined) continue;
      full = { ...totals };
      add(full, before, -1);
    }
  }
  if (full !== undefined) add(totals, full, repeats);

  /** All processing elements over one plane and the filters of one pass. */
  function runPass(pass: number): void {
    let [longest, longestStalls, longestPacked, busy, mostLoops] = [0, 0, 0, 0, 0];
    let weightReads = 0;
    for (let phase = 0; phase < phases; phase++) {
      const queue = pass * phases + phase;
      weightReads += Math.ceil((weights.ends[queue] - weights.starts[queue]) / F) * F;
    }
    for (let pe = 0; pe < pes; pe++) {
      let [cycles, stalls, packed, loops] = [0, 0, 0, 0];
      for (let phase = 0; phase < phases; phase++) {
        const [aQueue, wQueue] = [phase * pes + pe, pass * phases + phase];
        const nonzeros = acts.ends[aQueue] - acts.starts[aQueue];
        if (nonzeros === 0) continue;
        const activationChunks = Math.ceil(nonzeros / I);
        loops += activationChunks;
        const taken = weights.ends[wQueue] - weights.starts[wQueue];
        if (taken === 0) continue;
        products.count(aQueue, wQueue);
        const pairs = activationChunks * Math.ceil(taken / F);
        cycles += pairs + products.stalls;
        stalls += products.stalls;
        packed += Math.ceil((nonzeros * taken) / (I * F));
        totals.chunkPairs += pairs;
        totals.mults += products.valid;
        totals.redundantProducts += nonzeros * taken - products.valid;
        totals.idleBricks += pairs * I * F - products.valid;
        totals.idleConflicts += products.stalls * I * F;
      }
      totals.activationChunks += loops;
      totals.activationReads += loops * I;
      busy += cycles;
      if (cycles > longest) {
        longest = cycles;
        longestStalls = stalls;
      }
      if (packed > longestPacked) longestPacked = packed;
      if (loops > mostLoops) mostLoops = loops;
    }
    totals.cycles += longest;
    totals.conflictCycles += longestStalls;
    totals.packedCycles += longestPacked;
    totals.idlePEs += (longest * pes - busy) * I * F;
    totals.weightReads += weightReads * pes;
    totals.offChipWeightReads += mostLoops * weightReads;
  }
}

function add(to: CartesianTotals, summand: CartesianTotals, times: number): void {
  for (const key of Object.keys(to) as (keyof CartesianTotals)[]) to[key] += times * summand[key];
}
