/** What is particular to single machines: what rescheduling costs, when a choice of operand is made, and what is validated how. */
import { describe, expect, test } from "vitest";
import { type BitMask, onesMask, zerosMask } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, inputShape, linearGeometry, outputShape, weightShape } from "../../../src/core/geometry.ts";
import { type BitTacticalParams, bitTactical } from "../../../src/sim/arrays/bit-tactical.ts";
import { dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { type TensorDashParams, tensordash } from "../../../src/sim/arrays/tensordash.ts";
import type { Operand, Operation, Pass } from "../../../src/sim/operation/operation.ts";

const ARRAY = { lanes: 16, rows: 4, columns: 4, tiles: 3, batch: "image", dealing: "filters" } as const;
const T25 = { lookahead: 2, lookaside: 5, shape: "T" } as const;
const TACTICAL: BitTacticalParams = { ...ARRAY, ...T25, foldStridedInput: 3, reschedulingCyclesPerLine: 2 };
const SPARSER = { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" } as const;
const DASH: TensorDashParams = { ...ARRAY, ...T25, tiles: 1, banks: 16, sides: "one", operand: SPARSER };

const LAYER: ConvGeometry = {
  ...{ N: 2, C: 16, H: 5, W: 5, K: 40, R: 3, S: 3 },
  ...{ stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 },
};

function operationOf(pass: Pass, geometry: ConvGeometry, masks: Partial<Record<Operand, BitMask>> = {}): Operation {
  const ones = {
    weight: onesMask(weightShape(geometry)),
    input: onesMask(inputShape(geometry)),
    outputGrad: onesMask(outputShape(geometry)),
  };
  return { pass, layer: "layer", geometry, masks: { ...ones, ...masks }, topKPeriod: 10 };
}

describe("bit-tactical", () => {
  test("pays for the lines that its busiest tile schedules, once in a top-k period", () => {
    // 10 filter sets on 3 tiles: 4 on the busiest; 9 lines each, 2 cycles a line, shared by 10 steps.
    const weight = zerosMask(weightShape(LAYER));
    expect(bitTactical.run(operationOf("forward", LAYER, { weight }), TACTICAL).reschedulingCycles).toBe(
      Math.ceil((4 * 9 * 2) / 10),
    );
    // Backwards the 16 input channels are the filters: 4 sets, 2 on the busiest tile; 40 channels are 3 blocks, 27 lines.
    expect(bitTactical.run(operationOf("inputGrad", LAYER, { weight }), TACTICAL).reschedulingCycles).toBe(
      Math.ceil((2 * 27 * 2) / 10),
    );
    expect(bitTactical.run(operationOf("weightGrad", LAYER), TACTICAL).reschedulingCycles).toBe(0);
    const still = bitTactical.withoutSkipping(TACTICAL);
    expect(bitTactical.run(operationOf("forward", LAYER, { weight }), still).reschedulingCycles).toBe(0);
  });

  test("pays nothing for weights without a zero: there is nothing to schedule", () => {
    expect(bitTactical.run(operationOf("forward", LAYER), TACTICAL).reschedulingCycles).toBe(0);
  });

  test("skips all but every third line of weights that are all zero", () => {
    const weight = zerosMask(weightShape(LAYER));
    const { cycles, baseCycles } = bitTactical.run(operationOf("forward", LAYER, { weight }), TACTICAL);
    expect(baseCycles).toBe(3 * cycles);
  });

  test("does not gain in the weight gradient", () => {
    const masks = { input: zerosMask(inputShape(LAYER)), outputGrad: zerosMask(outputShape(LAYER)) };
    const { cycles, baseCycles, scheduled } = bitTactical.run(operationOf("weightGrad", LAYER, masks), TACTICAL);
    expect([cycles, scheduled]).toEqual([baseCycles, null]);
  });
});

describe("tensordash", () => {
  test("schedules the weights where both operands have the same share of zeros", () => {
    expect(tensordash.run(operationOf("forward", linearGeometry(1, 32, 8)), DASH).scheduled).toBe("weight");
  });

  test("counts image padding as zeros when it chooses, solid or not", () => {
    const operation = operationOf("forward", LAYER);
    expect(tensordash.run(operation, DASH).scheduled).toBe("input");
    expect(tensordash.run({ ...operation, paddingAsNonzeros: true }, DASH).scheduled).toBe("input");
  });

  test("lets each image choose, and the whole batch where it is folded", () => {
    const geometry = linearGeometry(2, 16, 8);
    const input = onesMask(inputShape(geometry));
    input.bytes.fill(0, 0, 2);
    const weight = onesMask(weightShape(geometry));
    weight.bytes.fill(0, 0, 6);
    const operation = operationOf("forward", geometry, { input, weight });
    // The first image has no ones, the second no zeros: the last choice is the weights', of the folded batch the input's.
    expect(tensordash.run(operation, DASH).scheduled).toBe("weight");
    expect(tensordash.run(operation, { ...DASH, batch: "fold" }).scheduled).toBe("input");
  });

  test("skips nothing without look-ahead", () => {
    const operation = operationOf("forward", LAYER, { input: zerosMask(inputShape(LAYER)) });
    const { cycles, baseCycles, scheduled } = tensordash.run(operation, tensordash.withoutSkipping(DASH));
    expect([cycles, scheduled]).toEqual([baseCycles, null]);
  });
});

describe("the table of accelerators", () => {
  test("lists each under its id", () => {
    expect(Object.entries(accelerators).filter(([id, accelerator]) => accelerator.id !== id)).toEqual([]);
    for (const [id, accelerator] of Object.entries(accelerators)) expect(accelerator.id).toBe(id);
  });

  test("calls exact only what the golden cases cover", () => {
    const one = { ...LAYER, N: 1 };
    const dense = { ...ARRAY, foldStridedInput: 3 };
    expect(dadiannao.validation(operationOf("forward", one), dense)).toBe("exact");
    expect(dadiannao.validation(operationOf("weightGrad", one), dense)).toBe("formula");
    expect(bitTactical.validation(operationOf("forward", one), TACTICAL)).toBe("exact");
    expect(bitTactical.validation(operationOf("forward", { ...one, groups: 2 }), TACTICAL)).toBe("property");
    expect(bitTactical.validation(operationOf("inputGrad", one), TACTICAL)).toBe("property");
    expect(tensordash.validation(operationOf("inputGrad", one), DASH)).toBe("exact");
    expect(tensordash.validation(operationOf("inputGrad", { ...one, stride: [2, 2] }), DASH)).toBe("property");
    expect(tensordash.validation(operationOf("forward", one), { ...DASH, tiles: 2 })).toBe("property");
    expect(tensordash.validation(operationOf("forward", one), { ...DASH, sides: "two" })).toBe("property");
    expect(tensordash.validation(operationOf("forward", one), { ...DASH, sides: "two", lookahead: 0 })).toBe("formula");
  });
});
