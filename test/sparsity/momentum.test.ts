import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keptMomentum, momentumSparsities } from "../../src/sparsity/momentum.ts";

const layer = fc.record({
  size: fc.integer({ min: 1, max: 100_000 }),
  momentum: fc.double({ min: 1e-6, max: 1, noNaN: true }),
});
const layers = fc.array(layer, { minLength: 1, maxLength: 12 });
const sparsity = fc.double({ min: 0.01, max: 0.99, noNaN: true });

type Layers = readonly { readonly size: number; readonly momentum: number }[];

function keptOf(given: Layers, overall: number): number[] {
  return momentumSparsities(given, overall).map((value, index) => (1 - value) * given[index].size);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

describe("weights to keep", () => {
  test("are shared in proportion to momentum, rounded up, where no layer is nearly full", () => {
    const given = [1, 2, 1].map((momentum) => ({ size: 1000, momentum }));
    expect(keptOf(given, 0.75).map(Math.round)).toEqual([188, 375, 188]);
  });

  test("that a layer cannot hold go to the others in equal parts", () => {
    // 400 of 3200 are kept. The small layer's half is 100 too many: ceil(100/3) = 34 more for each. The full layer gives
    // its 34 back, which makes 12 more, then 4, then 2; the 2 that come back are no more than there are layers.
    const given = [
      { size: 100, momentum: 2 },
      { size: 1550, momentum: 1 },
      { size: 1550, momentum: 1 },
    ];
    const shared = 100 + 34 + 12 + 4 + 2;
    expect(keptOf(given, 0.875).map(Math.round)).toEqual([100, shared, shared]);
  });

  test("fill a layer that would hold more than 99 % of its weights", () => {
    const given = [
      { size: 100, momentum: 0.995 },
      { size: 100, momentum: 0.005 },
    ];
    expect(keptOf(given, 0.5).map(Math.round)).toEqual([100, 1]);
  });

  test("are at least one and at most all of a layer, a whole number", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        momentumSparsities(given, overall).forEach((value, index) => {
          const { size } = given[index];
          expect(value >= 0 && value < 1).toBe(true);
          const kept = (1 - value) * size;
          expect(Math.abs(kept - Math.round(kept))).toBeLessThan(1e-6);
          expect(Math.round(kept)).toBeGreaterThanOrEqual(1);
        });
      }),
    );
  });

  test("use up the budget to within one weight a layer", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        const size = sumOf(given.map((one) => one.size));
        const budget = (1 - overall) * size;
        const kept = sumOf(keptOf(given, overall));
        expect(kept).toBeGreaterThan(budget - given.length - 1e-6);
      }),
    );
  });

  test("are no fewer for a layer of the same size with more momentum", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        const same = given.map(({ momentum }) => ({ size: 1000, momentum }));
        const kept = keptOf(same, overall);
        const ranked = [...same.keys()].sort((a, b) => same[a].momentum - same[b].momentum);
        ranked.slice(1).forEach((index, before) => {
          expect(kept[index]).toBeGreaterThanOrEqual(kept[ranked[before]]);
        });
      }),
    );
  });

  test("do not depend on the scale of momentum", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        const scaled = given.map(({ size, momentum }) => ({ size, momentum: 1024 * momentum }));
        expect(momentumSparsities(scaled, overall)).toEqual(momentumSparsities(given, overall));
      }),
    );
  });
});

test("a layer without momentum keeps one weight", () => {
  const given = [
    { size: 100, momentum: 1 },
    { size: 100, momentum: 0 },
  ];
  expect(keptOf(given, 0.9).map(Math.round)).toEqual([20, 1]);
});

test("momentum that is none, and a sparsity that would keep nothing, are refused", () => {
  const share = (momentum: number, overall = 0.9) => momentumSparsities([{ size: 10, momentum }], overall);
  expect(() => share(Number.NaN)).toThrow("layer 0: momentum must be a finite number of at least 0, got NaN");
  expect(() => share(-1)).toThrow("layer 0: momentum must be a finite number of at least 0, got -1");
  expect(() => share(0)).toThrow("momentum: no layer has any");
  expect(() => share(1, 1)).toThrow("sparsity: must be at least 0 and below 1, got 1");
});

describe("momentum of the kept weights", () => {
  const weight = Float32Array.of(3, -2, 1, 0.5);
  const momentum = Float32Array.of(-1, 3, 100, 100);

  test("is the mean magnitude where |weight| reaches the threshold", () => {
    expect(keptMomentum(weight, momentum, 2)).toBe(2);
  });

  test("is 0 where no weight does", () => {
    expect(keptMomentum(weight, momentum, 4)).toBe(0);
  });
});
