/**
 * SWAT-ERK and its plain form: layers are kept in proportion to a score of their shape (Erdős–Rényi random graphs: Mocanu
 * et al. 2018; with the axes of the kernel: Evci et al. 2020, "Rigging the Lottery", §3; in SWAT: Raihan & Aamodt 2020):
 *
 *     density_l = min(1, ε · score_l),   Σ_l density_l · size_l = (1 − s) · Σ_l size_l
 *
 * Layers whose density would exceed 1 become dense and ε is solved again for the others. The order of the additions is
 * the authors', so that even the last bit of ε agrees. A layer's sparsity also holds for its activations.
 */

import { sizeOf } from "../core/geometry.ts";
import { checkSparsity } from "../core/sparsity-range.ts";
import type { Exemptions } from "./uniform.ts";

/** Shape of a weight as PyTorch stores it: [K, C/groups, R, S], or [K, C] of a linear layer (not [K, C, 1, 1], which scores higher). */
export type WeightShape = readonly number[];

/** What a layer's density is proportional to. */
export type ShapeScore = (shape: WeightShape) => number;

/** Erdős–Rényi-kernel: (K + C + R + S) / (K·C·R·S). */
export const kernelScore: ShapeScore = (shape) => shape.reduce((sum, extent) => sum + extent, 0) / sizeOf(shape);

/** Erdős–Rényi over channels only: (K + C) / (K·C). */
export const channelScore: ShapeScore = ([K, C]) => (K + C) / (K * C);

/** How the budget was shared. */
export interface ErdosRenyiShares {
  /** Sparsity (0..1) of each layer. */
  readonly sparsities: readonly number[];
  /** ε, the density per score; 0 where no layer is left to share the budget. */
  readonly epsilon: number;
  /** Layers, by index, that the budget made dense; exempt layers are not among them. */
  readonly dense: readonly number[];
}

/**
 * Shares an overall `sparsity` (0 ≤ s < 1) among layers of the given weight shapes. Exempt layers are dense and stand
 * outside the budget. `round` is applied to the zeros s · size_l of each layer. Throws for another sparsity.
 */
export function erdosRenyi(
  shapes: readonly WeightShape[],
  sparsity: number,
  score: ShapeScore,
  exempt: Exemptions,
  round: (zeros: number) => number = (zeros) => zeros,
): ErdosRenyiShares {
  checkSparsity(sparsity);
  const sizes = shapes.map(sizeOf);
  const zeros = sizes.map((size) => round(size * sparsity));
  const scores = shapes.map(score);
  const budgeted = [...shapes.keys()].filter((layer) => !isExempt(layer, shapes.length, exempt));
  const dense = new Set<number>();
  for (;;) {
    const open = budgeted.filter((layer) => !dense.has(layer));
    const epsilon = solve(sizes, zeros, scores, budgeted, dense);
    const largest = Math.max(...open.map((layer) => scores[layer]));
    if (open.length === 0 || largest * epsilon <= 1) {
      const shared = new Set(open);
      const sparsities = scores.map((value, layer) => (shared.has(layer) ? 1 - epsilon * value : 0));
      return { sparsities, epsilon, dense: [...dense].sort((a, b) => a - b) };
    }
    for (const layer of open) if (scores[layer] === largest) dense.add(layer);
  }
}

/** SWAT-ERK's sparsity of each layer. Throws as `erdosRenyi`. */
export function erdosRenyiKernelSparsities(
  shapes: readonly WeightShape[],
  sparsity: number,
  exempt: Exemptions,
): readonly number[] {
  return erdosRenyi(shapes, sparsity, kernelScore, exempt).sparsities;
}

function solve(
  sizes: readonly number[],
  zeros: readonly number[],
  scores: readonly number[],
  budgeted: readonly number[],
  dense: ReadonlySet<number>,
): number {
  let kept = 0;
  let perEpsilon = 0;
  for (const layer of budgeted) {
    if (dense.has(layer)) kept -= zeros[layer];
    else {
      kept += sizes[layer] - zeros[layer];
      perEpsilon += scores[layer] * sizes[layer];
    }
  }
  return perEpsilon === 0 ? 0 : kept / perEpsilon;
}

function isExempt(layer: number, layers: number, exempt: Exemptions): boolean {
  return (layer === 0 && exempt.firstLayerDense) || (layer === layers - 1 && exempt.lastLayerDense);
}
