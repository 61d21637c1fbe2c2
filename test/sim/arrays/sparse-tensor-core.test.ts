import { expect, test } from "vitest";
import { type BitMask, onesMask, setBit, zerosMask } from "../../../src/core/bit-mask.ts";
import { outputShape, weightShape } from "../../../src/core/geometry.ts";
import { dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { sparseTensorCore } from "../../../src/sim/arrays/sparse-tensor-core.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";

const ARRAY = { lanes: 16, rows: 4, columns: 8, tiles: 2, batch: "fold", dealing: "sets" } as const;
const PARAMS = { ...ARRAY, n: 2, m: 4 };
const GEOMETRY = {
  ...{ N: 2, C: 32, H: 6, W: 6, K: 12, R: 3, S: 3, groups: 1 },
  stride: [1, 1],
  padding: [1, 1, 1, 1],
  dilation: [1, 1],
} as const;

/** Weights whose channels 0 and 1 of every four are kept, in the first `filters` filters; the others are dense. */
function structured(filters: number): BitMask {
  const shape = weightShape(GEOMETRY);
  const mask = zerosMask(shape);
  for (let k = 0; k < shape[0]; k++) {
    for (let c = 0; c < shape[1]; c++) {
      for (let tap = 0; tap < 9; tap++) if (k >= filters || c % 4 < 2) setBit(mask, k, c * 9 + tap);
    }
  }
  return mask;
}

const forward = (filters: number): Operation => {
  const weight = structured(filters);
  const input = onesMask([2, 32, 6, 6]);
  return {
    pass: "forward",
    layer: "conv",
    geometry: GEOMETRY,
    masks: { weight, input },
    topKPeriod: 1,
  };
};

const dense = dadiannao.run(forward(0), { ...ARRAY, foldStridedInput: 0 }).cycles;

test("weights that hold 2 of 4 everywhere take half of the dense cycles", () => {
  const { cycles, baseCycles, counters } = sparseTensorCore.run(forward(12), PARAMS);
  expect(baseCycles).toBe(dense);
  expect(cycles).toBe(dense / 2);
  expect(counters).toMatchObject({ sets: 3, structuredSets: 3 });
});

test("a set with one filter that breaks the pattern runs dense, and the counters say how many did", () => {
  const { cycles, counters } = sparseTensorCore.run(forward(11), { ...PARAMS, tiles: 1 });
  expect(counters).toMatchObject({ sets: 3, structuredSets: 2 });
  expect(cycles).toBe(9 * 18 * (2 * 0.5 + 1));
});

test("unstructured and dense weights, and the weight gradient, gain nothing", () => {
  expect(sparseTensorCore.run(forward(0), PARAMS).cycles).toBe(dense);
  const masks = { outputGrad: zerosMask(outputShape(GEOMETRY)), input: zerosMask([2, 32, 6, 6]) };
  const { cycles, baseCycles } = sparseTensorCore.run({ ...forward(0), pass: "weightGrad", masks }, PARAMS);
  expect(cycles).toBe(baseCycles);
});

test("blocks that do not divide the lanes are refused", () => {
  expect(() => sparseTensorCore.run(forward(0), { ...PARAMS, m: 5 })).toThrow(
    "params.m: must divide lanes, got m 5, lanes 16",
  );
});
