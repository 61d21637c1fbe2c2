/**
 * SWAT-M: after every optimizer step, the weights to keep are shared among layers in proportion to the mean magnitude of
 * momentum over the weights that each layer kept (Dettmers & Zettlemoyer 2019, "Sparse Networks from Scratch"; in SWAT:
 * Raihan & Aamodt 2020). What a layer cannot hold goes to the others in rounds. Follows the SWAT authors' code, also in what surprises:
 * the share does not depend on the layer's size, so that small layers fill up and the overall density may exceed the
 * one asked for; see docs/methods.md.
 */
import { InputError } from "../core/input/input-error.ts";
import { checkSparsity } from "../core/sparsity-range.ts";

/** What one layer brings to the sharing. */
export interface MomentumLayer {
  /** Weights of the layer. */
  readonly size: number;
  /** Mean |momentum| over the weights kept in the step before, from `keptMomentum`. */
  readonly momentum: number;
}

/** From this share of a layer on, the whole layer is kept. */
const NEARLY_FULL = 0.99;
/** The authors' bound on rounds; sharing ends after a few. */
const MOST_ROUNDS = 1000;

/**
 * Sparsity (0 ≤ s < 1) of each layer for the next steps at an overall `sparsity` 0 ≤ s < 1. Throws for another
 * sparsity, a momentum that is negative or no number, or where no layer has any.
 */
export function momentumSparsities(layers: readonly MomentumLayer[], sparsity: number): number[] {
  const total = checkMomenta(layers, sparsity);
  const budget = (1 - sparsity) * layers.reduce((sum, { size }) => sum + size, 0);
  let kept = layers.map(() => 0);
  let extra = 0;
  for (let round = 0; round < MOST_ROUNDS && sumOf(kept) <= budget; round++) {
    let residual = 0;
    kept = layers.map(({ size, momentum }, index) => {
      const before = round === 0 ? Math.ceil((momentum / total) * budget) : kept[index];
      const wanted = before + extra;
      if (wanted <= NEARLY_FULL * size) return wanted;
      residual += wanted - size;
      return size;
    });
    if (residual <= layers.length) break;
    extra = Math.ceil(residual / layers.length);
  }
  // The authors' code leaves a layer without momentum nothing, which no top-k can give; it keeps one weight here.
  return layers.map(({ size }, index) => 1 - Math.max(kept[index], 1) / size);
}

/**
 * Mean |momentum| over the weights that a threshold keeps, |weight| ≥ threshold; 0 where it keeps none. `weight` is that
 * before the optimizer's step, `momentum` the buffer after it.
 */
export function keptMomentum(weight: Float32Array, momentum: Float32Array, threshold: number): number {
  let sum = 0;
  let kept = 0;
  for (let i = 0; i < weight.length; i++) {
    if (Math.abs(weight[i]) < threshold) continue;
    sum += Math.abs(momentum[i]);
    kept++;
  }
  return kept === 0 ? 0 : sum / kept;
}

/** The sum of all momenta. Throws for what no weights can be shared by: see `momentumSparsities`. */
export function checkMomenta(layers: readonly MomentumLayer[], sparsity: number): number {
  checkSparsity(sparsity);
  layers.forEach(({ momentum }, index) => {
    if (!(momentum >= 0 && momentum < Infinity)) {
      throw new Error(`layer ${index}: momentum must be a finite number of at least 0, got ${momentum}`);
    }
  });
  const total = sumOf(layers.map(({ momentum }) => momentum));
  if (layers.length > 0 && total === 0)
    throw new InputError([
      "momentum: no layer has any, so that nothing can be shared by it; valid: a momentum above 0",
    ]);
  return total;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
