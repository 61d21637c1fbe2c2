import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { onesMask, setBit, zerosMask } from "../../../src/core/bit-mask.ts";
import { inputShape, linearGeometry, weightShape } from "../../../src/core/geometry.ts";
import { twoSided } from "../../../src/sim/arrays/two-sided.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";
import { bruteForceMacs, operations } from "../../support/random-operation.ts";

const ONE_UNIT = {
  units: 1,
  clusters: 1,
  lanes: 1,
  balance: "none",
  batch: "image",
  skipping: true,
  chunk: 0,
} as const;

/** A linear layer of 256 inputs, all nonzero, whose filters keep the given inputs. */
function layerOf(filters: readonly (readonly [first: number, ones: number])[]): Operation {
  const geometry = linearGeometry(1, 256, filters.length);
  const weight = zerosMask(weightShape(geometry));
  for (const [k, [first, ones]] of filters.entries()) for (let i = 0; i < ones; i++) setBit(weight, k, first + i);
  const masks = { weight, input: onesMask(inputShape(geometry)) };
  return { pass: "forward", layer: "layer", geometry, masks, topKPeriod: 4 };
}

describe("two-sided skipping", () => {
  test("units wait for each other after each chunk of 128 elements, which takes a cycle even without a pair", () => {
    const two = { ...ONE_UNIT, units: 2 };
    // 10 pairs of one filter in the first chunk, 12 of the other in the second.
    const layer = layerOf([
      [0, 10],
      [128, 12],
    ]);
    expect(twoSided.run(layer, { ...two, chunk: 0 }).cycles).toBe(12);
    expect(twoSided.run(layer, { ...two, chunk: 256 }).cycles).toBe(12);
    expect(twoSided.run(layer, { ...two, chunk: 128 }).cycles).toBe(10 + 12);
    const { chunk: _, ...byDefault } = two;
    expect(twoSided.run(layer, byDefault).cycles).toBe(10 + 12);
    expect(twoSided.run(layer, { ...two, chunk: 128, lanes: 4 }).cycles).toBe(3 + 3);
    const early = layerOf([
      [0, 10],
      [20, 7],
    ]);
    expect(twoSided.run(early, { ...two, chunk: 128 }).cycles).toBe(10 + 1);
    expect(twoSided.run(early, { ...two, chunk: 128 }).baseCycles).toBe(256);
  });

  test("pays for sorting filters once a top-k period, where there is something to sort", () => {
    const greedy = { ...ONE_UNIT, units: 2, balance: "greedy", sortingCyclesPerFilter: 8 } as const;
    const three = layerOf([
      [0, 10],
      [0, 20],
      [0, 30],
    ]);
    const paid = (operation: Operation, own: Parameters<typeof twoSided.run>[1]) =>
      twoSided.run(operation, own).reschedulingCycles;
    expect(paid(three, greedy)).toBe((3 * 8) / 4);
    expect(paid(three, { ...greedy, sortingCyclesPerFilter: 1 })).toBe(1);
    expect(paid(three, { ...greedy, balance: "none" })).toBe(0);
    expect(paid(three, { ...greedy, units: 3 })).toBe(0);
    expect(paid(three, { ...greedy, skipping: false })).toBe(0);
    const dense = layerOf(new Array<[number, number]>(3).fill([0, 256]));
    expect(paid(dense, greedy)).toBe(0);
  });

  test("joins exactly the effectual pairs, and one unit takes a cycle for each, in every pass", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { effectual } = bruteForceMacs(operation);
        const { cycles, counters } = twoSided.run(operation, ONE_UNIT);
        expect(counters.macs).toBe(effectual);
        expect(cycles).toBe(effectual);
      }),
      { numRuns: 300 },
    );
  });

  test("counts the same pairs whatever the array, and never takes longer than without skipping", () => {
    const arrays = fc.record({
      units: fc.integer({ min: 1, max: 5 }),
      clusters: fc.integer({ min: 1, max: 4 }),
      lanes: fc.integer({ min: 1, max: 3 }),
      balance: fc.constantFrom("greedy" as const, "none" as const),
      batch: fc.constantFrom("fold" as const, "image" as const),
      chunk: fc.constantFrom(0, 128, 256),
    });
    fc.assert(
      fc.property(operations, arrays, (operation, array) => {
        const { cycles, baseCycles, counters } = twoSided.run(operation, { ...array, skipping: true });
        expect(counters.macs).toBe(bruteForceMacs(operation).effectual);
        expect(cycles).toBeLessThanOrEqual(baseCycles);
        expect(cycles * array.units * array.clusters * array.lanes).toBeGreaterThanOrEqual(Number(counters.macs));
        expect(twoSided.run(operation, { ...array, skipping: false }).cycles).toBe(baseCycles);
      }),
      { numRuns: 200 },
    );
  });
});
