/** SWAT-U: the same sparsity in every layer, the first and the last exempt if asked (Raihan & Aamodt 2020, §3.3). */

/** Which layers stay dense. The authors' runs keep the first layer dense and sparsify the last. */
export interface Exemptions {
  readonly firstLayerDense: boolean;
  readonly lastLayerDense: boolean;
}

/** Sparsity (0..1) of each of `layers` layers in execution order. */
export function uniformSparsities(layers: number, sparsity: number, exempt: Exemptions): number[] {
  const sparsities = new Array<number>(layers).fill(sparsity);
  if (exempt.firstLayerDense && layers > 0) sparsities[0] = 0;
  if (exempt.lastLayerDense && layers > 0) sparsities[layers - 1] = 0;
  return sparsities;
}
