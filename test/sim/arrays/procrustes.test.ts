import fc from "fast-check";
import { expect, test } from "vitest";
import { getBit } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { procrustes } from "../../../src/sim/arrays/procrustes.ts";
import { operations } from "../../support/random-operation.ts";

const PARAMS = { rows: 2, columns: 2, skipping: true };

test("each nonzero weight of a row's channel takes a turn at every position of every group of images, which arrays share", () => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: 5 }), (operation, arrays) => {
      const { pass, geometry: g, masks } = operation;
      const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
      const turns = (group: number, channel: number) => {
        let count = 0;
        for (let k = 0; k < outputs; k++) {
          for (let c = 0; c < inputs; c++) {
            if ((pass === "inputGrad" ? k : c) !== channel) continue;
            for (let tap = 0; tap < g.R * g.S; tap++) {
              if (masks.weight === undefined || getBit(masks.weight, group * outputs + k, c * g.R * g.S + tap)) count++;
            }
          }
        }
        return count;
      };
      let expected = 0;
      for (let group = 0; group < g.groups; group++) {
        const held = pass === "inputGrad" ? outputs : inputs;
        for (let first = 0; first < held; first += 2) {
          expected += Math.max(turns(group, first), first + 1 < held ? turns(group, first + 1) : 0);
        }
      }
      const perWeight = Math.ceil((outputHeight(g) * outputWidth(g) * Math.ceil(g.N / 2)) / arrays);
      expect(procrustes.run(operation, { ...PARAMS, arrays }).cycles).toBe(expected * perWeight);
    }),
  );
});
