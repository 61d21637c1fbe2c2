/** The systolic array in all three passes: the laws of every accelerator, products by hand, and N:M sparsity. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BitMask, onesMask } from "../../../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputShape,
  weightShape,
} from "../../../../src/core/geometry.ts";
import { type SystolicParams, systolic } from "../../../../src/sim/arrays/systolic.ts";
import { conformanceProperties } from "../../../../src/sim/conformance/conformance.ts";
import { effectualMacs } from "../../../../src/sim/operation/mac-counts.ts";
import { mapMasks, type Operation, type Pass } from "../../../../src/sim/operation/operation.ts";
import { geometries } from "../../../support/geometries.ts";
import { forwardPattern } from "./structured.ts";

const DENSE = { n: 1, m: 1, mode: "layer", storage: "ellpack" } as const;
const own: SystolicParams = { rows: 8, columns: 4, dataflow: "ws", batch: "image", sparsity: DENSE };
const TWO_OF_FOUR = { ...DENSE, n: 2, m: 4 };

const SETTINGS: readonly SystolicParams[] = [
  own,
  { ...own, dataflow: "os", batch: "fold", rows: 5, columns: 7 },
  { ...own, dataflow: "is", rows: 1, columns: 1 },
  { ...own, sparsity: { ...TWO_OF_FOUR, mode: "row", storage: "csr" }, batch: "fold" },
  { ...own, dataflow: "os", sparsity: { ...TWO_OF_FOUR, n: 1, storage: "csc" } },
  { ...own, dataflow: "is", sparsity: TWO_OF_FOUR, rows: 3 },
  { ...own, arrays: 3, overlap: true, batch: "fold" },
  { ...own, arrays: 4, dataflow: "os", overlap: true, sparsity: TWO_OF_FOUR },
];

const conv: ConvGeometry = {
  ...{ N: 2, C: 12, H: 6, W: 6, K: 10, R: 3, S: 3 },
  ...{ stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 },
};

function denseOperation(pass: Pass, geometry: ConvGeometry): Operation {
  const masks = {
    weight: onesMask(weightShape(geometry)),
    input: onesMask(inputShape(geometry)),
    outputGrad: onesMask(outputShape(geometry).map((extent) => Math.max(0, extent))),
  };
  return { pass, layer: "layer", geometry, masks, topKPeriod: 1 };
}

function withWeight(operation: Operation, weight: BitMask): Operation {
  return mapMasks(operation, (mask, operand) => (operand === "weight" ? weight : mask));
}

function patternOperation(pass: Pass, geometry: ConvGeometry, shift: (filter: number) => number): Operation {
  return withWeight(denseOperation(pass, geometry), forwardPattern(geometry, 2, 4, shift));
}

describe("conformance", () => {
  test.each(SETTINGS.map((params, i) => [i, params] as const))("setting %i keeps every law", (_i, params) => {
    const faults = conformanceProperties(systolic, params).flatMap(({ name, check }) => {
      try {
        check();
        return [];
      } catch (error) {
        return [`${name}: ${(error as Error).message}`];
      }
    });
    expect(faults).toEqual([]);
  });
});

describe("dense products", () => {
  test("forward with padding, image by image or with the batch folded into windows", () => {
    const cycles = (batch: "image" | "fold") => systolic.run(denseOperation("forward", conv), { ...own, batch }).cycles;
    // K = 108 on 14 row folds, 10 filters on 3 column folds, 36 windows an image.
    expect(cycles("image")).toBe(2 * 14 * 3 * (36 + 2 * 8 + 4 - 2));
    expect(cycles("fold")).toBe(14 * 3 * (72 + 2 * 8 + 4 - 2));
  });

  test("weightGrad: output positions on the rows of ws, in time in os", () => {
    const run = (dataflow: "os" | "ws" | "is") =>
      systolic.run(denseOperation("weightGrad", conv), { ...own, batch: "fold", dataflow });
    expect(run("ws").cycles).toBe(9 * 3 * (108 + 2 * 8 + 4 - 2));
    expect(run("os").cycles).toBe(14 * 3 * (72 + 8 + 4 - 2));
    expect(run("is").cycles).toBe(9 * 27 * (10 + 2 * 8 + 4 - 2));
    expect(run("os").onChipReads).toEqual({ input: 3 * 108 * 72, outputGrad: 14 * 10 * 72 });
    expect(run("os").onChipWrites).toBe(108 * 10);
    expect(run("os").counters).toMatchObject({ structured: 0, storedWeights: 0, metadataBits: 0 });
  });

  test("groups follow one another", () => {
    const grouped = systolic.run(denseOperation("forward", { ...conv, groups: 2 }), own);
    const half = systolic.run(denseOperation("forward", { ...conv, C: conv.C / 2, K: conv.K / 2 }), own);
    expect(grouped.cycles).toBe(2 * half.cycles);
    expect(grouped.counters.folds).toBe(2 * half.counters.folds);
  });

  test("a strided inputGrad of a 1×1 kernel computes one phase of four", () => {
    const g: ConvGeometry = { ...conv, N: 1, R: 1, S: 1, stride: [2, 2], padding: [0, 0, 0, 0] };
    const { cycles, onChipReads } = systolic.run(denseOperation("inputGrad", g), own);
    expect(cycles).toBe(Math.ceil(10 / 8) * Math.ceil(12 / 4) * (9 + 2 * 8 + 4 - 2));
    expect(onChipReads).toEqual({ outputGrad: 3 * 9 * 10, weight: 10 * 12 });
  });

  test("the multiplications are spread over the busy PEs, never more than one each a cycle", () => {
    fc.assert(
      fc.property(geometries, fc.constantFrom("os" as const, "ws" as const, "is" as const), (g, dataflow) => {
        const { cycles, counters } = systolic.run(denseOperation("forward", g), { ...own, dataflow });
        expect(counters.busyPECycles).toBeLessThanOrEqual(cycles * systolic.multipliers(own));
        expect(counters.mappedPEs).toBeLessThanOrEqual(counters.folds * systolic.multipliers(own));
      }),
    );
  });
});

describe("N:M sparsity", () => {
  const sparse: SystolicParams = { ...own, sparsity: TWO_OF_FOUR };
  const rowWise: SystolicParams = { ...own, sparsity: { ...TWO_OF_FOUR, mode: "row" } };
  const fitting = patternOperation("forward", conv, () => 0);

  test("2:4 halves the reduction of weights that fit", () => {
    const { cycles, baseCycles, counters, scheduled, onChipReads } = systolic.run(fitting, sparse);
    expect(cycles).toBe(2 * 7 * 3 * (36 + 2 * 8 + 4 - 2));
    expect(baseCycles).toBe(2 * 14 * 3 * (36 + 2 * 8 + 4 - 2));
    expect(scheduled).toBe("weight");
    expect(counters).toMatchObject({ structured: 1, storedWeights: 54 * 10, metadataBits: 54 * 10 * 2 });
    expect(onChipReads).toEqual({ input: 2 * 3 * 36 * 54, weight: 2 * 54 * 10 });
  });

  test("weights that do not fit run dense, and say so", () => {
    const unfit = systolic.run(
      patternOperation("forward", conv, (filter) => filter),
      sparse,
    );
    const dense = systolic.run(fitting, systolic.withoutSkipping(sparse));
    expect(unfit).toEqual(dense);
    expect(unfit.counters.structured).toBe(0);
    expect(unfit.scheduled).toBeNull();
  });

  test("row by row, filters choose for themselves from all inputs of a block", () => {
    const { cycles, counters, onChipReads } = systolic.run(
      patternOperation("forward", conv, (filter) => filter),
      rowWise,
    );
    expect(cycles).toBe(systolic.run(fitting, sparse).cycles);
    expect(onChipReads.input).toBe(2 * 3 * 36 * 108);
    expect(counters.usedPEs).toBe(counters.mappedPEs);
  });

  test("row by row, empty slots are mapped but not used", () => {
    const sparse = withWeight(
      denseOperation("forward", conv),
      forwardPattern(conv, 1, 4, () => 0),
    );
    const { counters } = systolic.run(sparse, rowWise);
    expect(counters).toMatchObject({ mappedPEs: 2 * 54 * 10, usedPEs: 2 * 27 * 10 });
  });

  test("weightGrad multiplies no weights and runs dense", () => {
    const { cycles, baseCycles, scheduled } = systolic.run(
      patternOperation("weightGrad", conv, () => 0),
      sparse,
    );
    expect(cycles).toBe(baseCycles);
    expect(scheduled).toBeNull();
  });

  test("inputGrad gains only where the pattern lies along the filters", () => {
    const g = linearGeometry(4, 8, 16);
    const turned = linearGeometry(4, 16, 8);
    const along = forwardPattern(turned, 2, 4, () => 0);
    const weight = onesMask(weightShape(g));
    weight.bytes.fill(0);
    // Filter k of the layer is element k of the reduction.
    for (let k = 0; k < 16; k++) if ((along.bytes[k >> 3] >> (k & 7)) & 1) weight.bytes[k] = 0xff;
    const operation = withWeight(denseOperation("inputGrad", g), weight);
    expect(systolic.run(operation, sparse).cycles).toBe(4 * 1 * 2 * (1 + 2 * 8 + 4 - 2));
    expect(systolic.run(operation, sparse).baseCycles).toBe(4 * 2 * 2 * (1 + 2 * 8 + 4 - 2));
    const forward = withWeight(denseOperation("forward", g), weight);
    expect(systolic.run(forward, sparse).counters.structured).toBe(0);
  });

  test("weights that fit lose no multiplication", () => {
    fc.assert(
      fc.property(geometries, fc.constantFrom("layer" as const, "row" as const), fc.nat(3), (g, mode, shift) => {
        const operation = patternOperation("forward", g, (filter) => (mode === "row" ? filter : shift));
        const params = { ...own, sparsity: { ...TWO_OF_FOUR, mode } };
        const { cycles, baseCycles, counters, onChipReads } = systolic.run(operation, params);
        expect(cycles).toBeLessThanOrEqual(baseCycles);
        if (cycles === 0) return;
        // A shifted pattern may leave a short last block fuller than its slots.
        if (shift === 0 && mode === "layer") expect(counters.structured).toBe(1);
        expect(counters.busyPECycles).toBeGreaterThanOrEqual(effectualMacs(operation));
        expect(onChipReads.weight).toBeGreaterThan(0);
      }),
    );
  });

  test("settings that make no machine are refused", () => {
    expect(() => systolic.run(fitting, { ...rowWise, dataflow: "os" })).toThrow(
      'systolic: sparsity: mode "row" needs dataflow "ws"',
    );
    expect(() => systolic.run(fitting, { ...own, sparsity: { ...DENSE, n: 3, m: 2 } })).toThrow(
      "systolic: sparsity: n must be at most m = 2, got 3",
    );
  });
});

describe("validation", () => {
  const simple = { ...conv, N: 1, padding: [0, 0, 0, 0] } as const;
  const of = (pass: Pass, g: ConvGeometry, params = own) => systolic.validation(denseOperation(pass, g), params);

  test("is exact for what SCALE-Sim runs", () => {
    expect(of("forward", simple)).toBe("exact");
    expect(of("forward", linearGeometry(1, 9, 4))).toBe("exact");
    expect(of("forward", simple, { ...own, sparsity: TWO_OF_FOUR })).toBe("exact");
  });

  test.each<[string, Pass, ConvGeometry]>([
    ["padding", "forward", { ...simple, padding: [1, 0, 0, 0] }],
    ["groups", "forward", { ...simple, groups: 2 }],
    ["a batch", "forward", { ...simple, N: 2 }],
    ["dilation", "forward", { ...simple, dilation: [1, 2] }],
    ["windows that end before the edge", "forward", { ...simple, stride: [2, 2] }],
    ["a gradient", "inputGrad", simple],
  ])("is a formula for %s", (_what, pass, g) => {
    expect(of(pass, g)).toBe("formula");
  });

  test("row-wise is exact where blocks keep a half and come in pairs", () => {
    const rowWise = { ...own, sparsity: { ...TWO_OF_FOUR, mode: "row" } } as const;
    expect(of("forward", linearGeometry(1, 16, 4), rowWise)).toBe("exact");
    expect(of("forward", linearGeometry(1, 12, 4), rowWise)).toBe("formula");
  });
});
