import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { twoSided } from "../../../src/sim/accelerators/two-sided.ts";
import { bruteForceMacs, operations } from "../random-operation.ts";

const ONE_UNIT = { units: 1, clusters: 1, lanes: 1, balance: "none", batch: "image", skipping: true } as const;

describe("two-sided skipping", () => {
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
