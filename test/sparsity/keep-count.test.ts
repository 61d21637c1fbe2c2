import { expect, test } from "vitest";
import { keepCount } from "../../src/sparsity/keep-count.ts";

test("the count is rounded up, and follows the rounding of doubles", () => {
  expect(keepCount(0, 7)).toBe(7);
  expect(keepCount(0.9, 864)).toBe(87);
  expect(keepCount(0.7, 1000)).toBe(301);
  expect(keepCount(0.999, 1)).toBe(1);
});

test("taking the complement twice, as the authors' code does, gives the same count", () => {
  for (let percent = 0; percent < 100; percent++) {
    const sparsity = percent / 100;
    for (const size of [1, 9, 100, 1000, 36_864])
      expect(keepCount(1 - (1 - sparsity), size)).toBe(keepCount(sparsity, size));
  }
});

test("a sparsity that would keep nothing, or is none, is refused", () => {
  for (const sparsity of [1, 1.5, -0.1, Number.NaN]) {
    expect(() => keepCount(sparsity, 10)).toThrow(`sparsity: must be at least 0 and below 1, got ${sparsity}`);
  }
});
