import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BitMask, getBit, onesMask, setBit, zerosMask } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, sizeOf } from "../../../src/core/geometry.ts";
import { SHAPE_OF } from "../../../src/core/passes.ts";
import { sparseTensorCore } from "../../../src/sim/arrays/sparse-tensor-core.ts";
import { inReadingOrder, readingOrder } from "../../../src/sim/memory/reading-order.ts";
import { operandStorage, storedMaskBytes } from "../../../src/sim/memory/storage.ts";
import type { Operand } from "../../../src/sim/operation/operation.ts";
import { geometries, operations } from "../../support/random-operation.ts";

/** Element at four indices. */
function at({ shape, bytes }: BitMask, [a, b, c, d]: readonly number[]): boolean {
  return getBit({ shape, bytes }, a, (b * shape[2] + c) * shape[3] + d);
}

function* indices([a, b, c, d]: readonly number[]): Generator<[number, number, number, number]> {
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) for (let l = 0; l < d; l++) yield [i, j, k, l];
  }
}

describe("an operand in the order in which it is read", () => {
  it("has its channels next to each other; in the input gradient the filters of a weight are the channels", () => {
    fc.assert(
      fc.property(operations, ({ geometry: g, masks }) => {
        for (const [operand, mask] of Object.entries(masks) as [Operand, BitMask][]) {
          const read = (order: "forward" | "inputGrad" | "weightGrad") =>
            inReadingOrder(mask, { operand, order, geometry: g });
          const forward = read("forward");
          const [slices, channels, rows, columns] = mask.shape;
          expect(forward.shape).toEqual([slices, rows, columns, channels]);
          for (const [i, c, y, x] of indices(mask.shape)) {
            expect(at(forward, [i, y, x, c])).toBe(at(mask, [i, c, y, x]));
          }
          expect(read("weightGrad")).toBe(mask);
          const turned = read("inputGrad");
          if (operand !== "weight") {
            expect(turned).toEqual(forward);
            continue;
          }
          const filters = g.K / g.groups;
          expect(turned.shape).toEqual([g.C, g.R, g.S, filters]);
          for (const [k, c, r, s] of indices(mask.shape)) {
            const input = Math.floor(k / filters) * channels + c;
            expect(at(turned, [input, r, s, k % filters])).toBe(at(mask, [k, c, r, s]));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("2:4 weights of sparse-tensor-core", () => {
  const own = { lanes: 16, rows: 4, columns: 4, tiles: 1, batch: "fold", dealing: "sets", n: 2, m: 4 } as const;
  const storage = operandStorage({ format: "n-of-m", n: 2, m: 4, filters: own.rows }, "");

  it("are packed in memory where the array packs them, and stored densely elsewhere", () => {
    const cases = fc.record({
      // Strided gradients have a set for each phase.
      g: geometries.map((g): ConvGeometry => ({ ...g, C: 10, K: 11, groups: 1, stride: [1, 1] })),
      // Filters of the pass that break the pattern.
      broken: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      pass: fc.constantFrom("forward" as const, "inputGrad" as const),
    });
    fc.assert(
      fc.property(cases, ({ g, broken, pass }) => {
        const weight = zerosMask(SHAPE_OF.weight(g));
        for (const [k, c, r, s] of indices(weight.shape)) {
          const [filter, channel] = pass === "forward" ? [k, c] : [c, k];
          // Two of four channels, which differ from tap to tap; a broken filter has one more at one place.
          const isExtra = broken.includes(filter) && channel === 6 && r + s === 0;
          if ((channel + r) % 4 < 2 || isExtra) setBit(weight, k, (c * g.R + r) * g.S + s);
        }
        const elements = sizeOf(weight.shape);
        const order = readingOrder(sparseTensorCore, pass);
        const reading = { operand: "weight" as const, order, geometry: g };
        const bytes = storedMaskBytes(weight, reading, { elements, nonzeros: 0 }, storage, 2);

        const [filters, channels] = pass === "forward" ? [g.K, g.C] : [g.C, g.K];
        // 11 channels are two groups of two slots and two of three; 10 are two and two of two.
        const slots = 2 * Math.ceil(channels / 4) * g.R * g.S;
        let expected = 1;
        let structuredSets = 0;
        for (let first = 0; first < filters; first += own.rows) {
          const size = Math.min(own.rows, filters - first);
          const fits = !broken.some((filter) => filter >= first && filter < first + size);
          structuredSets += Number(fits);
          expected += fits ? 2 * size * slots + Math.ceil((size * slots * 2) / 8) : 2 * size * channels * g.R * g.S;
        }
        const masks = { weight, input: onesMask(SHAPE_OF.input(g)), outputGrad: onesMask(SHAPE_OF.outputGrad(g)) };
        const { counters } = sparseTensorCore.run({ pass, layer: "conv", geometry: g, masks, topKPeriod: 1 }, own);
        expect(counters.structuredSets).toBe(structuredSets);
        expect(bytes).toBe(Math.min(expected, 2 * elements));
      }),
      { numRuns: 100 },
    );
  });
});
