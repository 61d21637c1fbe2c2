/** An operation says by its pass which masks it has; code that takes any pass walks them by name. */
import { describe, expect, it } from "vitest";
import { type BitMask, onesMask, zerosMask } from "../../../src/core/bit-mask.ts";
import type { ConvGeometry } from "../../../src/core/geometry.ts";
import { OPERANDS_OF, type Operand, PASSES, SHAPE_OF } from "../../../src/core/passes.ts";
import { mapMasks, type Operation, operandsOf, sourceMaskOf, withMasks } from "../../../src/sim/operation/operation.ts";

const geometry: ConvGeometry = {
  ...{ N: 2, C: 3, H: 4, W: 5, K: 6, R: 3, S: 2, groups: 1 },
  ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] },
};
const ones = (operand: Operand) => onesMask(SHAPE_OF[operand](geometry));
const all = { weight: ones("weight"), input: ones("input"), outputGrad: ones("outputGrad") };
const base = { layer: "conv", geometry, topKPeriod: 1 };

describe("an operation", () => {
  it.each(PASSES)("of %s lists the operands of its pass in order, whatever other masks come with it", (pass) => {
    const operation: Operation = { ...base, pass, masks: all };
    expect(operandsOf(operation)).toEqual(OPERANDS_OF[pass].map((operand) => [operand, all[operand]]));
  });

  it.each(PASSES)("of %s is made of named masks, and keeps all but its masks when these are mapped", (pass) => {
    const made = withMasks(
      { ...base, pass, paddingAsNonzeros: true },
      OPERANDS_OF[pass].map((operand) => [operand, all[operand]] as const),
    );
    const cleared = mapMasks(made, ({ shape }) => zerosMask(shape));
    expect({ ...cleared, masks: made.masks }).toEqual(made);
    for (const [operand, mask] of operandsOf(cleared)) expect(mask).toEqual(zerosMask(SHAPE_OF[operand](geometry)));
  });

  it("has the weight mask that its pass reads, without a look whether it is there", () => {
    const weightOf = (operation: Operation): BitMask | null =>
      operation.pass === "weightGrad" ? null : operation.masks.weight;
    expect(weightOf({ ...base, pass: "forward", masks: all })).toBe(all.weight);
    expect(weightOf({ ...base, pass: "weightGrad", masks: all })).toBeNull();
    expect(sourceMaskOf({ ...base, pass: "forward", masks: all })).toBe(all.input);
    expect(sourceMaskOf({ ...base, pass: "inputGrad", masks: all })).toBe(all.outputGrad);
  });

  it("may still be asked for any mask, as accelerators of users do", () => {
    const maskOf = ({ masks }: Operation, operand: Operand): BitMask | undefined => masks[operand];
    const { weight, input } = all;
    const forward: Operation = { ...base, pass: "forward", masks: { weight, input } };
    expect([maskOf(forward, "weight"), maskOf(forward, "outputGrad")]).toEqual([weight, undefined]);
  });
});
