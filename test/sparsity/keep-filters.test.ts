import { describe, expect, it } from "vitest";
import { emptyFilters, keepLargestOfEmpty } from "../../src/sparsity/keep-filters.ts";

const weight = Float32Array.of(1, -9, 8, 2, 2, -2, 0, 0, 0, 3, -4, 4);

describe("filters without a weight", () => {
  it("are counted, zeros of either sign being none", () => {
    expect(emptyFilters(Float32Array.of(0, 1, -0, 0, Number.NaN, 0), 3)).toBe(1);
    expect(emptyFilters(weight, 4)).toBe(1);
    expect(emptyFilters(weight, 12)).toBe(3);
  });

  it("keep their largest, the first of equal ones; others stay as they were", () => {
    const kept = Float32Array.of(0, -9, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    keepLargestOfEmpty(weight, 4, 1, kept);
    expect(Array.from(kept)).toEqual([0, -9, 8, 2, 0, 0, 0, 0, 0, 0, -4, 0]);
    expect(emptyFilters(kept, 4)).toBe(1);
  });

  it("keep a whole unit where weights are pruned in units", () => {
    const kept = new Float32Array(12);
    keepLargestOfEmpty(Float32Array.of(1, -9, 5, 5, 2, 2, 1, 1, -3, 3, 0, 5), 2, 2, kept);
    expect(Array.from(kept)).toEqual([1, -9, 0, 0, 0, 0, 0, 0, -3, 3, 0, 0]);
  });
});
