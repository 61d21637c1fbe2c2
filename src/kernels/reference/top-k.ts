/**
 * Threshold of SWAT's top-k mask (Raihan & Aamodt 2020; ties and rounding as the authors' code): the k-th largest magnitude, exactly, found by sorting a copy.
 * Everything at least as large is kept, so ties with the k-th are kept, too.
 */
import type { Floats } from "../kernels.ts";

/** k-th largest |v| over values[0..size), 1 ≤ k ≤ size; NaN counts as the largest. */
export function topKThreshold(values: Floats, size: number, k: number): number {
  const magnitudes = new Float32Array(size);
  for (let i = 0; i < size; i++) magnitudes[i] = Math.abs(values[i]);
  // A typed array sorts numerically and puts NaN last.
  return magnitudes.sort()[size - k];
}
