/**
 * Shares a budget of weights among layers in proportion to a score, within bounds: layer l keeps
 * clamp(λ·score_l, least_l, most_l) weights, with the one λ that uses the budget up. Unlike the rounds of the SWAT
 * authors (momentum.ts) it never exceeds the budget unless the lower bounds do.
 */
import { keepCount } from "./keep-count.ts";

/** What one layer brings to the sharing. */
export interface ScoredLayer {
  /** Finite, at least 0. */
  readonly score: number;
  /** Bounds of the weights that it keeps: integers, least ≤ most. */
  readonly least: number;
  readonly most: number;
}

/** Halvings of the range of λ: more than a double has bits. */
const HALVINGS = 100;

/**
 * Weights that each layer keeps, integers that sum to `budget`; to the sum of the lower bounds where that is more, to
 * what layers with a score can hold where that is less. Leftovers of rounding go to the largest remainders, the first
 * layer first.
 */
export function boundedShares(layers: readonly ScoredLayer[], budget: number): number[] {
  const shares = sharesWithin(layers, budget);
  const kept = shares.map(Math.floor);
  let left = budget - sumOf(kept);
  const byRemainder = [...kept.keys()].sort((a, b) => shares[b] - kept[b] - (shares[a] - kept[a]));
  for (const index of byRemainder) {
    if (left < 1) break;
    if (kept[index] >= layers[index].most || layers[index].score === 0) continue;
    kept[index]++;
    left--;
  }
  return kept;
}

/** Sparsity at which `keepCount` keeps exactly `kept` of `size` weights: 1 − kept/size, raised where rounding would keep one more. */
export function sparsityKeeping(kept: number, size: number): number {
  let sparsity = 1 - kept / size;
  while (keepCount(sparsity, size) > kept) sparsity += Number.EPSILON / 2;
  return sparsity;
}

/** Real shares for the largest λ whose sum does not exceed the budget, found by bisection. */
function sharesWithin(layers: readonly ScoredLayer[], budget: number): number[] {
  const sharesAt = (lambda: number) =>
    layers.map(({ score, least, most }) => Math.min(most, Math.max(least, lambda * score)));
  // From this λ on, every layer with a score has all it may have.
  const scores = layers.filter(({ score }) => score > 0);
  let high = Math.max(0, ...scores.map(({ score, most }) => most / score));
  if (sumOf(sharesAt(high)) <= budget) return sharesAt(high);
  let low = 0;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (sumOf(sharesAt(middle)) <= budget) low = middle;
    else high = middle;
  }
  return sharesAt(low);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
