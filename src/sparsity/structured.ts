/**
 * Structured pruning of weights [K, C/groups, R, S] (as the SWAT authors' code): whole units are ranked by Σ|w| and the
 * k = ceil((1 − s)·units) best are kept, with all ties. "channel" means one R × S kernel slice, as in the authors' code,
 * not a whole input channel; "filter" one output filter. Activations stay unstructured.
 */
import type { Floats } from "../kernels/kernels.ts";
import { keepCount } from "./keep-count.ts";

/** What is pruned as a whole. */
export type StructuredUnit = "channel" | "filter";

/** How weights are pruned: one by one, or in units. */
export const PRUNINGS = ["unstructured", "channel", "filter"] as const;
/** Name of a way of pruning. */
export type Pruning = (typeof PRUNINGS)[number];

/** Weights of one unit of a weight of `shape` [K, C/groups, R, S]. */
export function unitSize(unit: StructuredUnit, shape: readonly [number, number, number, number]): number {
  const [, channels, R, S] = shape;
  return unit === "channel" ? R * S : channels * R * S;
}

/** Prunes a weight of one size: output = weight where its unit is kept, else 0; returns the lowest score kept. */
export type StructuredPruner = (weight: Floats, sparsity: number, output: Floats) => number;

/** A pruner of `units` units of `size` weights each, with working memory of its own. Scores are in double precision. */
export function structuredPruner(units: number, size: number): StructuredPruner {
  const scores = new Float64Array(units);
  const ranked = new Float64Array(units);
  return (weight, sparsity, output) => {
    for (let unit = 0; unit < units; unit++) {
      let score = 0;
      for (let i = unit * size; i < (unit + 1) * size; i++) score += Math.abs(weight[i]);
      scores[unit] = score;
    }
    ranked.set(scores);
    const threshold = ranked.sort()[units - keepCount(sparsity, units)];
    for (let unit = 0; unit < units; unit++) {
      const kept = scores[unit] >= threshold || Number.isNaN(scores[unit]);
      for (let i = unit * size; i < (unit + 1) * size; i++) output[i] = kept ? weight[i] : 0;
    }
    return threshold;
  };
}
