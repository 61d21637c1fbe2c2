import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { boundedShares, sparsityKeeping } from "../../src/sparsity/bounded-sharing.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { momentumSparsities } from "../../src/sparsity/momentum.ts";
import { SHARINGS, type SharingLayer, sharedSparsities } from "../../src/sparsity/sharing.ts";

const layer = fc.record({
  size: fc.integer({ min: 32, max: 100_000 }),
  momentum: fc.double({ min: 1e-6, max: 1, noNaN: true }),
  inFilters: fc.integer({ min: 1, max: 32 }),
  ranked: fc.double({ min: 0, max: 0.99, noNaN: true }),
});
const layers = fc.array(layer, { minLength: 1, maxLength: 12 });
const sparsity = fc.double({ min: 0.01, max: 0.99, noNaN: true });

function layerOf(size: number, momentum: number, ranked = 0.5, inFilters = 4): SharingLayer {
  return { size, momentum, ranked, inFilters };
}

function keptOf(given: readonly SharingLayer[], sparsities: readonly number[]): number[] {
  return sparsities.map((value, i) => keepCount(value, given[i].size));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

describe("bounded shares", () => {
  test("are in proportion to scores, and give leftovers of rounding to the largest remainders", () => {
    const free = { least: 0, most: 1000 };
    // 100/7 × (1, 2, 4) = 14.3, 28.6, 57.1: the one that is left goes to 28.6.
    const scored = [1, 2, 4].map((score) => ({ score, ...free }));
    expect(boundedShares(scored, 100)).toEqual([14, 29, 57]);
  });

  test("give what one layer cannot hold, or must hold, to and from the others in proportion", () => {
    const scored = [
      { score: 100, least: 0, most: 10 },
      { score: 1, least: 60, most: 100 },
      { score: 1, least: 0, most: 100 },
      { score: 2, least: 0, most: 100 },
    ];
    // 100 − 10 − 60 = 30, shared 1 : 2.
    expect(boundedShares(scored, 100)).toEqual([10, 60, 10, 20]);
  });

  test("are the lower bounds where these exceed the budget, the upper ones where these do not reach it", () => {
    const scored = [3, 1].map((score) => ({ score, least: 10, most: 20 }));
    expect(boundedShares(scored, 15)).toEqual([10, 10]);
    expect(boundedShares(scored, 50)).toEqual([20, 20]);
  });

  test("leave a layer without a score its lower bound", () => {
    const scored = [0, 1].map((score) => ({ score, least: 2, most: 20 }));
    expect(boundedShares(scored, 15)).toEqual([2, 13]);
    expect(boundedShares(scored, 30)).toEqual([2, 20]);
  });
});

test("a sparsity that keeps a number of weights keeps exactly so many", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (size, share) => {
      const kept = Math.max(1, Math.floor(share * size));
      expect(keepCount(sparsityKeeping(kept, size), size)).toBe(kept);
    }),
  );
});

describe("sharing", () => {
  it("without options is that of the SWAT authors, to the bit", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        expect(sharedSparsities(given, overall, SHARINGS.authors)).toEqual(momentumSparsities(given, overall));
      }),
    );
  });

  it("by size-weighted momentum gives layers of equal mean momentum equal densities", () => {
    const given = [100, 1000, 10_000].map((size) => layerOf(size, 0.3));
    const options = { shareBy: "size-weighted" } as const;
    expect(keptOf(given, sharedSparsities(given, 0.9, options))).toEqual([10, 100, 1000]);
    // The authors' rule: a third of the 1,110 each, so that the small layer is dense and the rest goes to the others.
    expect(keptOf(given, sharedSparsities(given, 0.9, {}))[0]).toBe(100);
  });

  it("with a bound on growth moves every layer by at most that factor from its last ranking", () => {
    // 400 of 1000 kept each; by momentum it would be 720 and 80.
    const given = [layerOf(1000, 9, 0.6), layerOf(1000, 1, 0.6)];
    const share = (shareGrowth?: number) =>
      keptOf(given, sharedSparsities(given, 0.6, { shareGrowth, shareBy: "size-weighted" }));
    expect(share()).toEqual([720, 80]);
    expect(share(1.25)).toEqual([480, 320]);
    expect(share(2)).toEqual([600, 200]);
  });

  it("lets a layer with a single weight grow again", () => {
    const given = [layerOf(100, 1, 0.995), layerOf(100, 0.01, 0.5)];
    const options = { shareGrowth: 1.1 };
    expect(keptOf(given, sharedSparsities(given, 0.745, options))[0]).toBe(2);
  });

  it("that keeps filters leaves a layer as many weights as it has filters", () => {
    const given = [layerOf(1000, 1), layerOf(1000, 0, 0.5, 64)];
    const options = { shareBy: "size-weighted", keepFilters: true } as const;
    expect(keptOf(given, sharedSparsities(given, 0.9, options))).toEqual([136, 64]);
  });

  it("when stable uses the budget up to the weight, as far as its bounds allow, and never exceeds them", () => {
    fc.assert(
      fc.property(layers, sparsity, (given, overall) => {
        const kept = keptOf(given, sharedSparsities(given, overall, SHARINGS.stable));
        const budget = keepCount(overall, sumOf(given.map(({ size }) => size)));
        const bounds = given.map(({ size, inFilters, ranked }) => {
          const before = keepCount(ranked, size);
          const least = Math.max(inFilters, Math.floor(before / 1.1));
          return { least, most: Math.max(least, Math.min(size, Math.ceil(before * 1.1))) };
        });
        kept.forEach((count, i) => {
          expect(count).toBeGreaterThanOrEqual(bounds[i].least);
          expect(count).toBeLessThanOrEqual(bounds[i].most);
        });
        const [fewest, most] = [sumOf(bounds.map(({ least }) => least)), sumOf(bounds.map((one) => one.most))];
        expect(sumOf(kept)).toBe(Math.min(most, Math.max(fewest, budget)));
      }),
    );
  });

  it("refuses momenta and sparsities as the authors' rule does", () => {
    const share = (momentum: number, overall = 0.9) =>
      sharedSparsities([layerOf(10, momentum)], overall, SHARINGS.stable);
    expect(() => share(Number.NaN)).toThrow("layer 0: momentum must be a finite number of at least 0, got NaN");
    expect(() => share(0)).toThrow("momentum: no layer has any");
    expect(() => share(1, 1)).toThrow("sparsity: must be at least 0 and below 1, got 1");
  });
});
