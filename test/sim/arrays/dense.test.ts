/** The closed form of the dense array equals the scheduled machines without look-ahead, and DNNsim's formula. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { onesMask } from "../../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../../src/core/geometry.ts";
import { bitTactical } from "../../../src/sim/arrays/bit-tactical.ts";
import { dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { tensordash } from "../../../src/sim/arrays/tensordash.ts";
import { type Operation, PASSES, type Pass } from "../../../src/sim/operation/operation.ts";
import { geometries } from "../../support/geometries.ts";

const arrays = fc.record({
  lanes: fc.constantFrom(1, 4, 16),
  rows: fc.integer({ min: 1, max: 5 }),
  columns: fc.integer({ min: 1, max: 5 }),
  tiles: fc.integer({ min: 1, max: 4 }),
  batch: fc.constantFrom("image" as const, "fold" as const),
  dealing: fc.constantFrom("filters" as const, "sets" as const),
});

function operationOf(pass: Pass, geometry: ConvGeometry): Operation {
  const masks = {
    weight: onesMask(weightShape(geometry)),
    input: onesMask(inputShape(geometry)),
    outputGrad: onesMask(outputShape(geometry).map((extent) => Math.max(0, extent))),
  };
  return { pass, layer: "layer", geometry, masks, topKPeriod: 1 };
}

const NO_SEARCH = { lookahead: 0, lookaside: 0, shape: "T" } as const;

describe("dense closed form", () => {
  test.each(PASSES)("equals the scheduled machines without look-ahead in %s", (pass) => {
    fc.assert(
      fc.property(geometries, arrays, fc.constantFrom("one", "two"), (geometry, array, sides) => {
        const operation = operationOf(pass, geometry);
        const dense = dadiannao.run(operation, { ...array, foldStridedInput: 0 });
        const scheduled = bitTactical.run(operation, {
          ...{ ...array, ...NO_SEARCH },
          foldStridedInput: 0,
          reschedulingCyclesPerLine: 1,
        });
        const operand = { forward: "weight", inputGrad: "weight", weightGrad: "outputGrad" } as const;
        const dynamic = tensordash.run(operation, { ...array, ...NO_SEARCH, banks: 16, sides, operand });
        expect({ ...scheduled, scheduled: null }).toEqual(dense);
        const { cycles, baseCycles, packedCycles, onChipReads, onChipWrites } = dense;
        expect(dynamic).toMatchObject({ cycles, baseCycles, packedCycles, onChipReads, onChipWrites });
        expect(dynamic.multiplierCycles).toEqual(dense.multiplierCycles);
        expect(dynamic.counters.scheduledPEs).toBe(dense.counters.scheduledPEs);
      }),
      { numRuns: 150 },
    );
  });

  test("is DNNsim's formula in forward", () => {
    fc.assert(
      fc.property(geometries, arrays, (geometry, array) => {
        const { lanes, rows, columns, tiles } = array;
        const g = { ...geometry, N: 1, groups: 1 };
        const windows = Math.max(0, outputHeight(g)) * Math.max(0, outputWidth(g));
        const lines = Math.ceil(g.C / lanes) * g.R * g.S;
        const expected = Math.ceil(windows / columns) * Math.ceil(Math.ceil(g.K / rows) / tiles) * lines;
        const params = { ...array, dealing: "filters", foldStridedInput: 0 } as const;
        expect(dadiannao.run(operationOf("forward", g), params).cycles).toBe(expected);
      }),
    );
  });

  test("step groups that run on into the next outer set leave no tile idle but the last", () => {
    const geometry: ConvGeometry = {
      ...{ N: 1, C: 16, H: 5, W: 1, K: 3, R: 1, S: 1 },
      ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
    };
    const array = { lanes: 16, rows: 1, columns: 1, tiles: 2, batch: "image", foldStridedInput: 0 } as const;
    const cycles = (dealing: "filters" | "sets") =>
      dadiannao.run(operationOf("forward", geometry), { ...array, dealing }).cycles;
    expect(cycles("filters")).toBe(5 * 2);
    expect(cycles("sets")).toBe(8);
  });
});
