/**
 * The sparsities that a method gives to each layer before training moves anything: none, SWAT-U's, SWAT-ERK's or the
 * plain form of it (Raihan & Aamodt 2020). SWAT-M begins as SWAT-U and shares anew after every step (momentum.ts).
 */
import { channelScore, erdosRenyi, erdosRenyiKernelSparsities, type WeightShape } from "./erdos-renyi.ts";
import { type Exemptions, uniformSparsities } from "./uniform.ts";

/** Methods whose sparsities are fixed by the shapes of the layers. */
export const FIXED_METHODS = ["dense", "swat-u", "swat-er", "swat-erk"] as const;
/** Name of such a method. */
export type FixedMethod = (typeof FIXED_METHODS)[number];

/** All methods of training. */
export const METHODS = [...FIXED_METHODS, "swat-m"] as const;
/** Name of a method of training. */
export type Method = (typeof METHODS)[number];

/** What the SWAT authors' runs keep dense: the first layer with SWAT-U, none with the others. */
export const PUBLISHED_EXEMPTIONS: Readonly<Record<Method, Exemptions>> = {
  dense: { firstLayerDense: true, lastLayerDense: true },
  "swat-u": { firstLayerDense: true, lastLayerDense: false },
  "swat-er": { firstLayerDense: false, lastLayerDense: false },
  "swat-erk": { firstLayerDense: false, lastLayerDense: false },
  "swat-m": { firstLayerDense: false, lastLayerDense: false },
};

/** Sparsity of each layer, whose weights have `shapes`, at an overall `sparsity` 0 ≤ s < 1. Throws for another sparsity. */
export function fixedSparsities(
  method: FixedMethod,
  shapes: readonly WeightShape[],
  sparsity: number,
  exempt: Exemptions = PUBLISHED_EXEMPTIONS[method],
): readonly number[] {
  switch (method) {
    case "dense":
      return shapes.map(() => 0);
    case "swat-u":
      return uniformSparsities(shapes.length, sparsity, exempt);
    case "swat-er":
      return erdosRenyi(shapes, sparsity, channelScore, exempt).sparsities;
    case "swat-erk":
      return erdosRenyiKernelSparsities(shapes, sparsity, exempt);
  }
}
