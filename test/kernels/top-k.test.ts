import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builds, randomFloats } from "./builds.ts";

const [[, reference], [, js]] = builds;

/** Lists with ties, signed zeros, denormals, infinities and NaN, and a k that fits. */
const lists = fc
  .array(
    fc.oneof(
      fc.float(),
      fc.float({ min: -2, max: 2 }),
      fc.constantFrom(0, -0, 0.5, -0.5, 2 ** -149, -(2 ** -149), 2 ** -127, Number.NaN, Infinity, -Infinity),
    ),
    { minLength: 1, maxLength: 200 },
  )
  .chain((values) => fc.tuple(fc.constant(Float32Array.from(values)), fc.integer({ min: 1, max: values.length })));

test("js and reference find exactly the same threshold", () => {
  fc.assert(
    fc.property(lists, ([values, k]) => {
      const expected = reference.topKThreshold(values, values.length, k);
      return Object.is(js.topKThreshold(values, values.length, k), expected);
    }),
    { numRuns: 3000, seed: 1 },
  );
});

describe.each(builds)("%s top-k", (_, kernels) => {
  test("keeps k elements or more, and more only by ties with the k-th", () => {
    fc.assert(
      fc.property(lists, ([values, k]) => {
        const threshold = kernels.topKThreshold(values, values.length, k);
        const magnitudes = [...values].map((value) => (Number.isNaN(value) ? Infinity : Math.abs(value)));
        const lowest = Number.isNaN(threshold) ? Infinity : threshold;
        const above = magnitudes.filter((magnitude) => magnitude > lowest).length;
        const ties = magnitudes.filter((magnitude) => magnitude === lowest).length;
        expect(above).toBeLessThan(k);
        expect(above + ties).toBeGreaterThanOrEqual(k);
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  test("the mask keeps exactly what is at least the threshold, unchanged, and NaN", () => {
    fc.assert(
      fc.property(lists, ([values, k]) => {
        const threshold = kernels.topKThreshold(values, values.length, k);
        const output = new Float32Array(values.length).fill(7);
        kernels.applyThreshold(values, values.length, threshold, output);
        for (const [i, value] of values.entries()) {
          const kept = Math.abs(value) >= threshold || Number.isNaN(value);
          expect(output[i]).toBe(kept ? value : 0);
        }
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test("ties, few nonzeros and the whole tensor", () => {
    const values = Float32Array.of(1, -3, 3, 0, 2, -0);
    const thresholds = [1, 2, 3, 4, 5, 6].map((k) => kernels.topKThreshold(values, 6, k));
    expect(thresholds).toEqual([3, 3, 2, 1, 0, 0]);
    expect(kernels.topKThreshold(values, 2, 2)).toBe(1);
  });

  test("looks only at the first `size` values, also of an array within another", () => {
    const whole = Float32Array.of(9, 1, 2, 3, 9);
    expect(kernels.topKThreshold(whole.subarray(1), 3, 1)).toBe(3);
    const output = new Float32Array(5);
    kernels.applyThreshold(whole, 4, 2, output);
    expect([...output]).toEqual([9, 0, 2, 3, 0]);
  });

  test("may write the mask in place", () => {
    const values = Float32Array.of(1, -3, 2);
    kernels.applyThreshold(values, 3, 2, values);
    expect([...values]).toEqual([0, -3, 2]);
  });

  test("a large tensor keeps exactly k where there are no ties, and thresholds repeat", () => {
    const values = randomFloats("large", 100_000);
    const distinct = new Set(values.map(Math.abs));
    const threshold = kernels.topKThreshold(values, values.length, 12_345);
    const kept = values.filter((value) => Math.abs(value) >= threshold).length;
    expect(kept - 12_345).toBeLessThanOrEqual(values.length - distinct.size);
    expect(kept).toBeGreaterThanOrEqual(12_345);
    expect(kernels.topKThreshold(values, values.length, 12_345)).toBe(threshold);
  });
});
