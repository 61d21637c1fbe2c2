import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stepCases, stepFaults } from "../fuzz/steps-on-chip.ts";

describe("what stays on chip between ops, and DRAM bytes", () => {
  it("are those of the rules, played op by op, to the byte", async () => {
    await fc.assert(
      fc.asyncProperty(stepCases, async (one) => {
        expect(await stepFaults(one)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });
});
