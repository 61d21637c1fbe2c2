/** TensorDash with two sides, held against the one-sided array, a plain model and bounds. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { type BitMask, onesMask, setBit, sliceSize, zerosMask } from "../../../src/core/bit-mask.ts";
import { linearGeometry } from "../../../src/core/geometry.ts";
import { type TensorDashParams, tensordash } from "../../../src/sim/arrays/tensordash.ts";
import type { ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { mapMasks, type Operand, type Operation } from "../../../src/sim/operation/operation.ts";
import { PUBLISHED_OFFSETS } from "../../support/published-search.ts";
import { bruteForceMacs, operations } from "../../support/random-operation.ts";
import { plainTwoSided } from "./plain-two-sided.ts";

const SPARSER = { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" } as const;
const STATIONARY = { forward: "weight", inputGrad: "weight", weightGrad: "outputGrad" } as const;
const STREAMED = { forward: "input", inputGrad: "outputGrad", weightGrad: "input" } as const;
const PUBLISHED_ELEMENT: TensorDashParams = {
  ...{ lanes: 16, rows: 1, columns: 1, tiles: 1, batch: "image", dealing: "sets", banks: 17 },
  ...{ lookahead: 2, lookaside: 5, shape: "T", offsets: PUBLISHED_OFFSETS, sides: "two", operand: SPARSER },
};

const size = (max: number) => fc.integer({ min: 1, max });
const machines: fc.Arbitrary<TensorDashParams> = fc
  .record({
    lanes: fc.constantFrom(1, 3, 4, 16, 20),
    rows: size(3),
    columns: size(3),
    tiles: size(4),
    batch: fc.constantFrom("image" as const, "fold" as const),
    dealing: fc.constantFrom("filters" as const, "sets" as const),
    lookahead: fc.integer({ min: 0, max: 3 }),
    lookaside: fc.constantFrom(0, 2, 5),
  })
  .map((params) => ({ ...PUBLISHED_ELEMENT, ...params }));

/** What the two must agree on: all but which operand was looked at, and where solid padding is counted. */
function costs(result: ComputeResult) {
  const { scheduled: _, multiplierCycles = { occupied: 0 }, counters, ...rest } = result;
  const { occupied, imagePadding = 0, ...idle } = multiplierCycles;
  return { ...rest, counters, multiplierCycles: { ...idle, done: occupied + imagePadding } };
}

function dense(operation: Operation, dense: Operand): Operation {
  return mapMasks(operation, (mask, operand) => (operand === dense ? onesMask(mask.shape) : mask));
}

describe("two-sided tensordash", () => {
  test("beside a dense streamed operand is the array that schedules the stationary one", () => {
    fc.assert(
      fc.property(operations, machines, (operation, params) => {
        const solid = { ...dense(operation, STREAMED[operation.pass]), paddingAsNonzeros: true };
        const one = tensordash.run(solid, { ...params, sides: "one", operand: STATIONARY });
        expect(costs(tensordash.run(solid, params))).toEqual(costs(one));
      }),
      { numRuns: 300 },
    );
  });

  test("beside a dense stationary operand is the turned array that schedules the streamed one, padding solid or not", () => {
    fc.assert(
      fc.property(operations, machines, fc.boolean(), (operation, params, paddingAsNonzeros) => {
        const filled = { ...dense(operation, STATIONARY[operation.pass]), paddingAsNonzeros };
        const { rows: columns, columns: rows } = params;
        const one = tensordash.run(filled, { ...params, rows, columns, sides: "one", operand: STREAMED });
        const two = tensordash.run(filled, params);
        // Banks of the weight gradient are read for each row, whichever operand lies there.
        const { bankReads } = operation.pass === "weightGrad" && rows !== columns ? two.counters : one.counters;
        const { counters } = one;
        expect(costs(two)).toEqual(costs({ ...one, counters: { ...counters, bankReads } }));
      }),
      { numRuns: 300 },
    );
  });

  test("equals a plain model of every slot, element and tile", () => {
    fc.assert(
      fc.property(operations, machines, fc.boolean(), (operation, params, paddingAsNonzeros) => {
        const solid = { ...operation, paddingAsNonzeros };
        expect(tensordash.run(solid, params).cycles).toBe(plainTwoSided(solid, params));
      }),
      { numRuns: 300 },
    );
  });

  test("does exactly the effectual MACs, in no fewer cycles than multipliers and lookahead allow", () => {
    fc.assert(
      fc.property(operations, machines, (operation, params) => {
        fc.pre(params.lookahead > 0);
        const { effectual } = bruteForceMacs(operation);
        const { cycles, packedCycles, baseCycles, multiplierCycles, scheduled } = tensordash.run(operation, params);
        const multipliers = tensordash.multipliers(params);
        expect(scheduled).toBe(baseCycles > 0 ? "both" : null);
        expect(multiplierCycles?.occupied).toBe(effectual);
        expect(Object.values(multiplierCycles ?? {}).reduce((sum, count) => sum + count, 0)).toBe(multipliers * cycles);
        expect(packedCycles * multipliers).toBeGreaterThanOrEqual(effectual);
        expect(cycles).toBeLessThanOrEqual(baseCycles);
        // Zero lines left over at the end of a job cost nothing.
        const { N, groups, stride } = operation.geometry;
        const jobs = N * groups * stride[0] * stride[1];
        expect(cycles).toBeGreaterThanOrEqual(baseCycles / (params.lookahead + 1) - jobs);
      }),
      { numRuns: 300 },
    );
  });

  test.each([0.1, 0.3, 0.5, 0.7, 0.9])(
    "speeds i.i.d. masks up like one side of their product density, %s, within one percent",
    (density) => {
      const lines = 20_000;
      const geometry = linearGeometry(1, lines * PUBLISHED_ELEMENT.lanes, 1);
      const operation = (input: number, weight: number): Operation => ({
        ...{ pass: "forward", layer: "iid", geometry, topKPeriod: 1 },
        masks: {
          input: randomMask([1, geometry.C, 1, 1], input, "input"),
          weight: randomMask([1, geometry.C, 1, 1], weight, "weight"),
        },
      });
      const root = Math.sqrt(density);
      const two = tensordash.run(operation(root, root), PUBLISHED_ELEMENT).cycles;
      const one = tensordash.run(operation(1, density), { ...PUBLISHED_ELEMENT, sides: "one", operand: STATIONARY });
      expect(Math.abs(two / one.cycles - 1), `${lines / two} against ${lines / one.cycles}`).toBeLessThan(0.01);
      expect(lines / two).toBeLessThanOrEqual(3);
    },
  );
});

function randomMask(shape: readonly number[], density: number, name: string): BitMask {
  if (density === 1) return onesMask(shape);
  const random = seedrandom(`${name} ${density}`);
  const mask = zerosMask(shape);
  const elements = sliceSize(shape);
  for (let i = 0; i < elements; i++) if (random() < density) setBit(mask, 0, i);
  return mask;
}
