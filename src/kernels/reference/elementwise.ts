/** Sums of tensors (the residual addition and its gradient) and the top-k mask applied to values. */
import type { Floats } from "../kernels.ts";

/** output[i] = a[i] + b[i] for i < size. */
export function addForward(size: number, a: Floats, b: Floats, output: Floats): void {
  for (let i = 0; i < size; i++) output[i] = a[i] + b[i];
}

/** target[i] += source[i] for i < size. */
export function accumulate(size: number, source: Floats, target: Floats): void {
  for (let i = 0; i < size; i++) target[i] += source[i];
}

/**
 * output[i] = |values[i]| ≥ threshold ? values[i] : 0 for i < size: ties are kept. A NaN is kept, as it counts as the
 * largest magnitude, and a NaN threshold keeps only NaNs. What is dropped becomes +0. `output` may be `values`.
 */
export function applyThreshold(values: Floats, size: number, threshold: number, output: Floats): void {
  for (let i = 0; i < size; i++) {
    const value = values[i];
    output[i] = Math.abs(value) >= threshold || Number.isNaN(value) ? value : 0;
  }
}
