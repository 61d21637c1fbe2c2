/**
 * Filters that top-k leaves without a weight. Such a filter's output is constant, so that its batch norm sees no variance
 * and multiplies gradients by 1/√ε = 316; the weights of the filter, which are updated all the same, then explode.
 */
import type { Floats } from "../kernels/kernels.ts";

/** How many of the `filters` outermost slices of a weight or its mask [K, …] hold zeros only. */
export function emptyFilters(weight: Floats | Uint8Array, filters: number): number {
  const size = weight.length / filters;
  let empty = 0;
  for (let k = 0; k < filters; k++) if (isEmpty(weight, k * size, size)) empty++;
  return empty;
}

/**
 * Puts the largest unit of every filter that `kept` has lost into `kept`: of `unit` weights, by Σ|w|, the first of equal
 * ones. `weight` is [K, …].
 */
export function keepLargestOfEmpty(weight: Floats, filters: number, unit: number, kept: Floats): void {
  const size = weight.length / filters;
  for (let k = 0; k < filters; k++) {
    const from = k * size;
    if (!isEmpty(kept, from, size)) continue;
    let largest = from;
    let most = -1;
    for (let start = from; start < from + size; start += unit) {
      let sum = 0;
      for (let i = start; i < start + unit; i++) sum += Math.abs(weight[i]);
      if (sum <= most) continue;
      largest = start;
      most = sum;
    }
    for (let i = largest; i < largest + unit; i++) kept[i] = weight[i];
  }
}

function isEmpty(values: Floats | Uint8Array, from: number, size: number): boolean {
  for (let i = from; i < from + size; i++) if (values[i] !== 0) return false;
  return true;
}
