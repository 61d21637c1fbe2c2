/**
 * How many elements a top-k mask keeps (as the SWAT authors' code): k = ceil((1 − s)·n) in double precision. The authors' code
 * takes the complement twice, s = 1 − (1 − y) and 1 − s; the second rounding is always exact, so one subtraction gives
 * the same k, including its surprises: y = 0.7 of 1000 elements keeps 301, not 300.
 */
import { checkSparsity } from "../core/sparsity-range.ts";

/** Elements kept of `size` at `sparsity` 0 ≤ s < 1. Throws for another sparsity: a mask without an element is undefined. */
export function keepCount(sparsity: number, size: number): number {
  checkSparsity(sparsity);
  return Math.ceil((1 - sparsity) * size);
}
