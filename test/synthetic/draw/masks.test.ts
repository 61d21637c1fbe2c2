/** Zeros that layers and poolings pass back, against gradients that the reference kernels compute of positive numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BitMask, getBit, maskOfNonzeros, onesMask, setBit, zerosMask } from "../../../src/core/bit-mask.ts";
import { inputShape, outputShape, sizeOf, weightShape } from "../../../src/core/geometry.ts";
import { randomStream } from "../../../src/core/random.ts";
import { convInputGrad } from "../../../src/kernels/reference/conv2d.ts";
import { channelsOf, largest, reachedInputs, wholeChannels, zerosOf } from "../../../src/synthetic/draw/masks.ts";
import { geometries } from "../../support/random-operation.ts";

const draws = (seed: number, size: number, density: number) => {
  const stream = randomStream(seed, "masks");
  return Float32Array.from({ length: size }, (_, i) => (stream.uniformAt(i) < density ? 1 : 0));
};

describe("zeros of the input gradient of a convolution", () => {
  it("are those that the reference kernel leaves, whatever the geometry", () => {
    fc.assert(
      fc.property(geometries, fc.nat(), fc.constantFrom(0.05, 0.3, 1), (g, seed, density) => {
        const weight = draws(seed, sizeOf(weightShape(g)), density);
        const gradient = new Float32Array(sizeOf(inputShape(g)));
        convInputGrad(g, new Float32Array(sizeOf(outputShape(g))).fill(1), weight, gradient);
        const node = { op: "conv", geometry: g } as Parameters<typeof reachedInputs>[0];
        const kept = zerosOf(maskOfNonzeros(weight, weightShape(g)));
        expect(reachedInputs(node, kept, inputShape(g))).toEqual(zerosOf(maskOfNonzeros(gradient, inputShape(g))));
      }),
    );
  });
});

describe("the largest elements", () => {
  it("are as many as asked for, none smaller than one that is left out", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 60 }), fc.nat(), (list, part) => {
        const width = Math.floor(list.length / 3);
        const values = Float32Array.from(list.slice(0, 3 * width));
        const count = 1 + (part % values.length);
        const mask = largest(values, [3, width], count);
        const isKept = [...values].map((_, i) => getBit(mask, Math.floor(i / width), i % width));
        expect(isKept.filter(Boolean)).toHaveLength(count);
        const least = Math.min(...values.filter((_, i) => isKept[i]));
        for (const [i, value] of values.entries()) if (!isKept[i]) expect(value).toBeLessThanOrEqual(least);
      }),
    );
  });
});

describe("batch norm", () => {
  it("fills every channel that has a gradient, in all images", () => {
    const grad = zerosMask([2, 3, 1, 2]);
    setBit(grad, 1, 4);
    const filled = wholeChannels(grad) as BitMask;
    expect([...filled.bytes]).toEqual([0b110000, 0b110000]);
    setBit(grad, 0, 0);
    setBit(grad, 0, 3);
    expect(wholeChannels(grad)).toBeNull();
  });
});

describe("a part of a concatenation", () => {
  it("is its channels", () => {
    const whole = zerosMask([2, 5, 3]);
    setBit(whole, 0, 6);
    setBit(whole, 1, 11);
    expect([...(channelsOf(whole, 2, [2, 2, 3]) as BitMask).bytes]).toEqual([0b1, 0b100000]);
    expect(channelsOf(onesMask([2, 5, 3]), 2, [2, 2, 3])).toBeNull();
  });
});
