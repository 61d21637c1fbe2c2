import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OTHERS, type StepCase, stepCases, stepFaults } from "../fuzz/steps-on-chip.ts";

describe("what stays on chip between ops, and DRAM bytes", () => {
  it("are those of the rules, played op by op, to the byte", async () => {
    await fc.assert(
      fc.asyncProperty(stepCases, async (one) => {
        expect(await stepFaults(one)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });

  it.each(OTHERS)("are those of the rules where there is room for an operand or a result of %s", async (kind) => {
    const formats = { weight: "dense", input: "dense", outputGrad: "dense" } as const;
    const one: StepCase = {
      ...{ widths: [4, 4, 4], zeros: 1, room: 16, dram: formats, outer: formats },
      holds: ["weight", "input", "outputGrad", "output"],
      ops: [
        { kind: "maxPool", reads: ["x0"], writes: ["x1"] },
        { kind, reads: ["x1"], writes: ["x2"] },
        { kind: "maxPool", reads: ["x2"], writes: ["g0"] },
      ],
    };
    expect(await stepFaults(one)).toEqual([]);
  });
});
