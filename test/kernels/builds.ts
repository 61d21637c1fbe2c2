/** What the tests of the kernels share: the builds, random data keyed by a seed, and the check by finite differences. */
import seedrandom from "seedrandom";
import { expect } from "vitest";
import { jsKernels } from "../../src/kernels/js/index.ts";
import type { Floats, Kernels } from "../../src/kernels/kernels.ts";
import { referenceKernels } from "../../src/kernels/reference/index.ts";

/** [name, kernels] of the builds that work on plain arrays, for describe.each. */
export const builds: readonly (readonly [string, Kernels])[] = [
  ["reference", referenceKernels],
  ["js", jsKernels],
];

/** `size` values in −1..1, the same for the same seed; `density` of them, drawn one by one, are not zero. */
export function randomFloats(seed: string, size: number, density = 1): Floats {
  const random = seedrandom.alea(seed);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const value = random() * 2 - 1;
    values[i] = random() < density ? value : 0;
  }
  return values;
}

/** Σ a·b in double precision: the scalar loss whose gradient with respect to `a` is `b`. */
export function dot(a: Floats, b: Floats): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Expects `gradient` to agree with central differences of `loss` over every element of `variable`, which `loss` reads.
 * What a step really was after rounding to float32 divides the difference.
 */
export function expectGradient(
  loss: () => number,
  variable: Floats,
  gradient: Floats,
  step: number,
  tolerance: number,
): void {
  expect(gradient.length).toBe(variable.length);
  for (let i = 0; i < variable.length; i++) {
    const kept = variable[i];
    variable[i] = kept + step;
    const above = variable[i];
    const lossAbove = loss();
    variable[i] = kept - step;
    const slope = (lossAbove - loss()) / (above - variable[i]);
    variable[i] = kept;
    expect(Math.abs(gradient[i] - slope), `element ${i}: gradient ${gradient[i]}, difference ${slope}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(slope)),
    );
  }
}
