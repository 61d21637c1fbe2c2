import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputHeight,
  outputShape,
  outputWidth,
  sizeOf,
  weightShape,
} from "../../src/core/geometry.ts";
import type { Floats, Kernels } from "../../src/kernels/kernels.ts";
import { builds, randomFloats } from "./builds.ts";

const [[, reference], [, js]] = builds;

/** Any geometry whose dilated kernel fits into the padded input: per-axis everything, depthwise and 1×1 included. */
const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({ R: fc.integer({ min: 1, max: 4 }), S: fc.integer({ min: 1, max: 4 }) })
  .chain(({ R, S }) =>
    fc.record({
      N: fc.integer({ min: 1, max: 5 }),
      groups: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 6 }),
      filters: fc.integer({ min: 1, max: 9 }),
      H: fc.integer({ min: 1, max: 9 }),
      W: fc.integer({ min: 1, max: 9 }),
      R: fc.constant(R),
      S: fc.constant(S),
      stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      padding: fc.tuple(fc.nat(R), fc.nat(R), fc.nat(S), fc.nat(S)),
    }),
  )
  .map(({ channels, filters, ...rest }) => ({ ...rest, C: channels * rest.groups, K: filters * rest.groups }))
  .filter((g) => outputHeight(g) > 0 && outputWidth(g) > 0);

const densities = fc.constantFrom(0, 0.1, 0.5, 0.9, 1);

/** The three passes on random operands; gradients start with content. */
function runPasses(kernels: Kernels, g: ConvGeometry, weightDensity: number, inputDensity: number): Floats[] {
  const input = randomFloats("input", sizeOf(inputShape(g)), inputDensity);
  const weight = randomFloats("weight", sizeOf(weightShape(g)), weightDensity);
  const outputGrad = randomFloats("outputGrad", sizeOf(outputShape(g)));
  const output = new Float32Array(outputGrad.length).fill(Number.NaN);
  const inputGrad = randomFloats("inputGrad", input.length);
  const weightGrad = randomFloats("weightGrad", weight.length);
  const biasGrad = randomFloats("biasGrad", g.K);
  kernels.convForward(g, input, weight, randomFloats("bias", g.K), output);
  kernels.convInputGrad(g, outputGrad, weight, inputGrad);
  kernels.convWeightGrad(g, outputGrad, input, weightGrad);
  kernels.biasGrad(g, outputGrad, biasGrad);
  return [output, inputGrad, weightGrad, biasGrad];
}

// Both builds sum in double precision and round once: they differ by at most one unit in the last place of float32,
// 2⁻²³ of the value, and by the noise of double precision where terms cancel.
function expectEqualWithinRounding(actual: readonly Floats[], expected: readonly Floats[]): void {
  for (const [pass, values] of expected.entries()) {
    for (let i = 0; i < values.length; i++) {
      const bound = 2 ** -23 * Math.abs(values[i]) + 1e-12;
      if (!(Math.abs(actual[pass][i] - values[i]) <= bound)) {
        expect.fail(`pass ${pass}, element ${i}: expected ${values[i]}, got ${actual[pass][i]}`);
      }
    }
  }
}

describe("js and reference agree within the rounding of float32", () => {
  test("for any geometry and density", () => {
    fc.assert(
      fc.property(geometries, densities, densities, (g, weightDensity, inputDensity) => {
        const actual = runPasses(js, g, weightDensity, inputDensity);
        expectEqualWithinRounding(actual, runPasses(reference, g, weightDensity, inputDensity));
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  const square: ConvGeometry = {
    N: 3,
    C: 8,
    H: 9,
    W: 9,
    K: 12,
    R: 3,
    S: 3,
    stride: [1, 1],
    padding: [1, 1, 1, 1],
    dilation: [1, 1],
    groups: 1,
  };
  test.each<[string, ConvGeometry]>([
    ["a kernel as large as the padded input", { ...square, R: 11, S: 11 }],
    ["a depthwise convolution", { ...square, C: 12, groups: 12 }],
    ["a 1×1 convolution with padding", { ...square, R: 1, S: 1 }],
    ["a linear layer", linearGeometry(33, 65, 10)],
    ["a linear layer of batch 1", linearGeometry(1, 7, 3)],
    ["padding wider than the kernel", { ...square, padding: [5, 4, 0, 7] }],
    ["a stride beyond the kernel", { ...square, R: 2, S: 1, stride: [3, 4] }],
  ])("for %s", (_, g) => {
    for (const density of [0, 0.1, 0.6, 1]) {
      expectEqualWithinRounding(runPasses(js, g, density, density), runPasses(reference, g, density, density));
    }
  });
});

describe.each(builds)("%s convolution", (_, kernels) => {
  test("gives identical bytes when repeated, whatever ran in between", () => {
    const one: ConvGeometry = { ...linearGeometry(2, 3, 5), H: 6, W: 6, R: 3, S: 3, padding: [1, 1, 1, 1] };
    const other: ConvGeometry = { ...one, N: 4, C: 9, H: 9, W: 7, stride: [2, 2] };
    const first = runPasses(kernels, one, 0.3, 0.3);
    runPasses(kernels, other, 1, 1);
    expect(runPasses(kernels, one, 0.3, 0.3)).toEqual(first);
  });

  test("reads and writes only what the geometry covers of larger buffers", () => {
    const g: ConvGeometry = { ...linearGeometry(2, 3, 5), H: 6, W: 6, R: 3, S: 3, padding: [1, 1, 1, 1] };
    const roomy = (values: Floats) => {
      const buffer = new Float32Array(values.length + 500).fill(Number.NaN);
      buffer.set(values);
      return buffer;
    };
    const input = randomFloats("input", sizeOf(inputShape(g)), 0.4);
    const weight = randomFloats("weight", sizeOf(weightShape(g)), 0.4);
    const outputGrad = randomFloats("outputGrad", sizeOf(outputShape(g)));
    const exact = [
      new Float32Array(outputGrad.length),
      new Float32Array(input.length),
      new Float32Array(weight.length),
    ];
    const larger = exact.map(roomy);
    for (const [[output, inputGrad, weightGrad], room] of [
      [exact, (values: Floats) => values],
      [larger, roomy],
    ] as const) {
      kernels.convForward(g, room(input), room(weight), null, output);
      kernels.convInputGrad(g, room(outputGrad), room(weight), inputGrad);
      kernels.convWeightGrad(g, room(outputGrad), room(input), weightGrad);
    }
    expect(larger).toEqual(exact.map(roomy));
  });

  test("does nothing where the kernel does not fit", () => {
    const g: ConvGeometry = { ...linearGeometry(1, 1, 1), R: 3, S: 3 };
    const weightGrad = new Float32Array(9);
    kernels.convWeightGrad(g, new Float32Array(0), Float32Array.of(1), weightGrad);
    kernels.convForward(g, Float32Array.of(1), new Float32Array(9), null, new Float32Array(0));
    expect(weightGrad).toEqual(new Float32Array(9));
  });
});
