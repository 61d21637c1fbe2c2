/** What a method and its sparsities mean for each layer, for all that trains nothing. */
import { type FixedMethod, fixedSparsities, PUBLISHED_EXEMPTIONS } from "../sparsity/methods.ts";
import type { LayerSparsity } from "./flops.ts";

interface SparsityOptions {
  readonly method: FixedMethod;
  readonly sparsity: number;
  readonly activationSparsity?: number;
}

/** Sparsities of layers whose weights have `shapes`; a first layer that the method keeps dense saves a dense input. */
export function layerSparsities(
  shapes: readonly (readonly number[])[],
  { method, sparsity, activationSparsity }: SparsityOptions,
): LayerSparsity[] {
  const { firstLayerDense } = PUBLISHED_EXEMPTIONS[method];
  return fixedSparsities(method, shapes, sparsity).map((weight, layer) => ({
    weight,
    input: firstLayerDense && layer === 0 ? 0 : (activationSparsity ?? weight),
  }));
}
