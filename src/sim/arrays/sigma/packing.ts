/**
 * Packs stationary vectors into iterations, greedily and in order: whole vectors side by side as long as they fit; one that
 * does not fit a whole array is folded over iterations of its own, whose leaf 0 takes the partial sum back in. Vectors
 * without a nonzero have no result and are skipped. Source: STONNE 22634b8b.
 */
import type { IterationCost } from "./iteration-cost.ts";
import type { Iteration } from "./ports.ts";
import type { VectorSet } from "./vectors.ts";

/** What a matrix product costs on the array. */
export interface ProductTotals {
  /** Cycles of all iterations, alone or overlapped as the timer has it. */
  cycles: number;
  iterations: number;
  /** Iterations that continue a vector that did not fit. */
  continuations: number;
  /** Times that the streaming matrix is read: once an iteration, over all iterations of a folded vector once. */
  streams: number;
  /** Nonzeros of the stationary matrix. */
  stationary: number;
  /** Virtual neurons of all iterations: results a column. */
  neurons: number;
  /** Leaves of folded vectors without a value, the one of the partial sum included: the vector is no multiple of the array. */
  foldedGaps: number;
}

/** Packs and times `stationary` on `multipliers` leaves. */
export function packVectors(
  stationary: VectorSet,
  multipliers: number,
  columns: number,
  cost: (iteration: Iteration, columns: number) => IterationCost,
): ProductTotals {
  const totals: ProductTotals = {
    ...{ cycles: 0, iterations: 0, continuations: 0, streams: 0, stationary: 0, neurons: 0, foldedGaps: 0 },
  };
  const leaves = new Int32Array(multipliers);
  const lastLeaf = new Int32Array(multipliers);
  const iteration: Iteration & { leaves: Int32Array } = { leaves, lastLeaf, neurons: 0, continuation: false };
  const nonzeros = new Int32Array(stationary.length);
  let used = 0;
  const close = () => {
    if (used === 0) return;
    totals.cycles += cost(iteration, columns).alone;
    totals.iterations++;
    totals.neurons += iteration.neurons;
    if (iteration.continuation) totals.continuations++;
    else totals.streams++;
    iteration.neurons = 0;
    used = 0;
  };
  const place = (from: number, count: number) => {
    leaves.set(nonzeros.subarray(from, from + count), used);
    used += count;
    lastLeaf[iteration.neurons++] = used - 1;
  };
  for (let vector = 0; vector < stationary.vectors; vector++) {
    const count = stationary.positions(vector, nonzeros);
    totals.stationary += count;
    if (count === 0) continue;
    if (used + count > multipliers) close();
    if (count <= multipliers) {
      place(0, count);
      continue;
    }
    place(0, multipliers);
    close();
    iteration.continuation = true;
    for (let from = multipliers; from < count; from += multipliers - 1) {
      used = 1;
      place(from, Math.min(multipliers - 1, count - from));
      totals.foldedGaps += multipliers - (used - 1);
      close();
    }
    iteration.continuation = false;
  }
  close();
  return totals;
}

/** `packVectors` for vectors without a zero: iterations repeat, so that each kind is timed once. */
export function packDense(
  { vectors, length }: Pick<VectorSet, "vectors" | "length">,
  multipliers: number,
  pack: (vectors: number) => ProductTotals,
): ProductTotals {
  const side = Math.max(1, Math.floor(multipliers / length));
  const whole = Math.floor(vectors / side);
  const rest = vectors % side;
  const repeated = whole === 0 ? [] : [scaled(pack(side), whole)];
  return [...repeated, ...(rest === 0 ? [] : [pack(rest)])].reduce(added);
}

function scaled(totals: ProductTotals, times: number): ProductTotals {
  return mapped(totals, (value) => value * times);
}

function added(a: ProductTotals, b: ProductTotals): ProductTotals {
  return mapped(a, (value, key) => value + b[key]);
}

function mapped(totals: ProductTotals, change: (value: number, key: keyof ProductTotals) => number): ProductTotals {
  const keys = Object.keys(totals) as (keyof ProductTotals)[];
  return Object.fromEntries(keys.map((key) => [key, change(totals[key], key)])) as unknown as ProductTotals;
}
