import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BitMask, countOnes, getBit, setBit, zerosMask } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, sizeOf } from "../../../src/core/geometry.ts";
import { operandStorage, storedMaskBytes } from "../../../src/sim/memory/storage.ts";
import { type Operand, PASSES, type Pass } from "../../../src/sim/operation/operation.ts";
import { formats, literalBytes, nOfMs } from "../../support/literal-formats.ts";
import { operations } from "../../support/random-operation.ts";

const VALUE = 2;
const range = (n: number) => [...Array(n).keys()];

/** The elements of an operand, one after another, as docs/memory.md orders them for a pass, and the shape that they have there. */
function inOrder(mask: BitMask, operand: Operand, order: Pass, g: ConvGeometry): { values: number[]; shape: number[] } {
  const [slices, channels, height, width] = mask.shape;
  const at = (slice: number, c: number, y: number, x: number) =>
    Number(getBit(mask, slice, (c * height + y) * width + x));
  if (order === "weightGrad") {
    const values = range(slices).flatMap((n) =>
      range(channels).flatMap((c) => range(height).flatMap((y) => range(width).map((x) => at(n, c, y, x)))),
    );
    return { values, shape: [slices, channels, height, width] };
  }
  if (operand === "weight" && order === "inputGrad") {
    // Input channels of all groups, and the filters of their group.
    const [inputs, filters] = [g.C / g.groups, g.K / g.groups];
    const values = range(g.C).flatMap((c) =>
      range(g.R).flatMap((r) =>
        range(g.S).flatMap((s) =>
          range(filters).map((k) => at(Math.floor(c / inputs) * filters + k, c % inputs, r, s)),
        ),
      ),
    );
    return { values, shape: [g.C, g.R, g.S, filters] };
  }
  const values = range(slices).flatMap((n) =>
    range(height).flatMap((y) => range(width).flatMap((x) => range(channels).map((c) => at(n, c, y, x)))),
  );
  return { values, shape: [slices, height, width, channels] };
}

describe("stored bytes of a mask", () => {
  it.each(PASSES)("in the order of %s are those of an encoder that is given its elements in that order", (order) => {
    fc.assert(
      fc.property(operations, fc.oneof(formats, nOfMs), ({ geometry, masks }, format) => {
        for (const [operand, mask] of Object.entries(masks) as [Operand, BitMask][]) {
          const elements = sizeOf(mask.shape);
          const { values, shape } = inOrder(mask, operand, order, geometry);
          const { valueBytes, indexBytes } = literalBytes(values, shape, format, VALUE);
          const size = { elements, nonzeros: countOnes(mask) };
          const reading = { operand, order, geometry };
          const stored = storedMaskBytes(mask, reading, size, operandStorage(format, ""), VALUE);
          // Without a zero there is nothing to compress.
          const isDense = size.nonzeros === elements;
          expect(stored).toBe(isDense ? VALUE * elements : Math.min(VALUE * elements, valueBytes + indexBytes));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("depend on the order", () => {
    // All 16 channels of one kernel position.
    const geometry = { N: 1, C: 16, H: 4, W: 4, K: 1, R: 4, S: 4, groups: 1 };
    const mask = zerosMask([1, 16, 4, 4]);
    for (const channel of range(16)) setBit(mask, 0, channel * 16);
    const bytesIn = (order: Pass) => {
      const storage = operandStorage({ format: "run-length", bits: 4 }, "");
      return storedMaskBytes(
        mask,
        { operand: "weight", order, geometry },
        { elements: 256, nonzeros: 16 },
        storage,
        VALUE,
      );
    };
    const bytesOf = (entries: number) => VALUE * entries + Math.ceil((4 * entries) / 8);
    // 16 ones and 15 × 16 zeros; as recorded, 15 zeros behind each one.
    expect(bytesIn("forward")).toBe(bytesOf(16 + 15));
    expect(bytesIn("weightGrad")).toBe(bytesOf(16 + 1));
    // Each channel is a slice of its own there.
    expect(bytesIn("inputGrad")).toBe(bytesOf(16 + 1));
  });
});
