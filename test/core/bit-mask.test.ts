import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countOnes, fullMask, isFull, onesMask, reshaped, sliceSize, zerosMask } from "../../src/core/bit-mask.ts";

const shapes = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 }));

describe("a full mask", () => {
  it("has the bytes of a mask of ones, once they are read, in any shape with the same slices", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(fullMask(shape).bytes).toEqual(onesMask(shape).bytes);
        expect(reshaped(fullMask(shape), [shape[0], sliceSize(shape)]).bytes).toEqual(onesMask(shape).bytes);
        expect(countOnes(fullMask(shape))).toBe(countOnes(onesMask(shape)));
      }),
    );
  });

  it("is counted at a size that no memory holds", () => {
    const mask = fullMask([2 ** 20, 2 ** 30]);
    expect(countOnes(mask)).toBe(2 ** 50);
    expect(isFull(mask, 5, 9)).toBe(true);
    expect(countOnes(mask, 5, 9)).toBe(2 ** 32);
  });
});

describe("slices of a mask", () => {
  it("are full where every element is a one, whatever the other slices hold", () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, draw) => {
        const size = sliceSize(shape);
        if (shape[0] * size === 0) return;
        const mask = onesMask(shape);
        const [slice, index] = [draw % shape[0], draw % size];
        expect(isFull(mask)).toBe(true);
        mask.bytes[(slice * mask.bytes.length) / shape[0] + (index >> 3)] ^= 1 << (index & 7);
        for (let n = 0; n < shape[0]; n++) expect(isFull(mask, n, n + 1)).toBe(n !== slice);
        expect(isFull(zerosMask(shape))).toBe(false);
      }),
    );
  });
});
