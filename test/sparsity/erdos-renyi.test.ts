import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../src/core/geometry.ts";
import { channelScore, erdosRenyi, erdosRenyiKernelSparsities, kernelScore } from "../../src/sparsity/erdos-renyi.ts";

const NONE = { firstLayerDense: false, lastLayerDense: false };
const extent = fc.integer({ min: 1, max: 128 });
const kernel = fc.constantFrom(1, 3, 5, 7);
const shape = fc.oneof(
  fc.tuple(extent, extent, kernel, kernel).map((axes): number[] => axes),
  fc.tuple(extent, extent).map((axes): number[] => axes),
);
const shapes = fc.array(shape, { minLength: 1, maxLength: 12 });
const sparsity = fc.double({ min: 0, max: 0.99, noNaN: true });
const score = fc.constantFrom(kernelScore, channelScore);
const ROUNDING = 1e-9;

describe("shares", () => {
  test("spend the budget: densities times sizes give the overall density", () => {
    fc.assert(
      fc.property(shapes, sparsity, score, (layers, overall, by) => {
        const { sparsities } = erdosRenyi(layers, overall, by, NONE);
        const size = layers.reduce((sum, layer) => sum + sizeOf(layer), 0);
        const kept = layers.reduce((sum, layer, index) => sum + (1 - sparsities[index]) * sizeOf(layer), 0);
        expect(Math.abs(kept / ((1 - overall) * size) - 1)).toBeLessThan(ROUNDING);
      }),
    );
  });

  test("are densities in 0..1, at least as dense for a higher score", () => {
    fc.assert(
      fc.property(shapes, sparsity, score, (layers, overall, by) => {
        const { sparsities, dense } = erdosRenyi(layers, overall, by, NONE);
        for (const value of sparsities) expect(value >= 0 && value < 1).toBe(true);
        for (const layer of dense) expect(sparsities[layer]).toBe(0);
        const ranked = [...layers.keys()].sort((a, b) => by(layers[a]) - by(layers[b]));
        ranked.slice(1).forEach((layer, index) => {
          expect(sparsities[layer]).toBeLessThanOrEqual(sparsities[ranked[index]]);
        });
      }),
    );
  });

  test("of a sparser network leave every layer at most as dense", () => {
    fc.assert(
      fc.property(shapes, sparsity, sparsity, score, (layers, one, other, by) => {
        const denser = erdosRenyi(layers, Math.min(one, other), by, NONE).sparsities;
        const sparser = erdosRenyi(layers, Math.max(one, other), by, NONE).sparsities;
        sparser.forEach((value, layer) => {
          expect(value).toBeGreaterThanOrEqual(denser[layer] - ROUNDING);
        });
      }),
    );
  });

  test("leave exempt layers dense and share the same density among the others", () => {
    fc.assert(
      fc.property(shapes, sparsity, (layers, overall) => {
        const exempt = { firstLayerDense: true, lastLayerDense: true };
        const sparsities = erdosRenyiKernelSparsities(layers, overall, exempt);
        const others = layers.slice(1, -1);
        const inner = others.length === 0 ? [] : erdosRenyiKernelSparsities(others, overall, NONE);
        expect(sparsities).toEqual(layers.length === 1 ? [0] : [0, ...inner, 0]);
      }),
    );
  });
});

test("two layers, worked by hand", () => {
  // Scores (4+4+3+3)/144 = 7/72 and (4+4)/16 = 1/2; sizes 144 and 16; half of 160 weights are kept.
  // ε = 80 / (14 + 8) gives the second layer 1.82 > 1: it becomes dense, and ε = (144/2 − 16/2) / 14 = 32/7.
  const { sparsities, epsilon, dense } = erdosRenyi(
    [
      [4, 4, 3, 3],
      [4, 4],
    ],
    0.5,
    kernelScore,
    NONE,
  );
  expect(dense).toEqual([1]);
  expect(epsilon).toBeCloseTo(32 / 7, 12);
  expect(sparsities[0]).toBeCloseTo(1 - 4 / 9, 12);
  expect(sparsities[1]).toBe(0);
});

test("scores count the kernel or only the channels", () => {
  expect(kernelScore([8, 4, 3, 3])).toBe(18 / 288);
  expect(channelScore([8, 4, 3, 3])).toBe(12 / 32);
  expect(kernelScore([8, 4])).toBe(channelScore([8, 4]));
});

test("a sparsity that would keep nothing, or is none, is refused", () => {
  for (const overall of [1, -0.1, Number.NaN]) {
    expect(() => erdosRenyiKernelSparsities([[4, 4]], overall, NONE)).toThrow(
      `sparsity: must be at least 0 and below 1, got ${overall}`,
    );
  }
});
