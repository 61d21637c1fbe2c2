import { describe, expect, test } from "vitest";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputShape,
  sizeOf,
  weightShape,
} from "../../src/core/geometry.ts";
import { builds, dot, expectGradient, randomFloats } from "./builds.ts";

const plain: ConvGeometry = {
  N: 2,
  C: 2,
  H: 5,
  W: 4,
  K: 3,
  R: 3,
  S: 3,
  stride: [1, 1],
  padding: [1, 1, 1, 1],
  dilation: [1, 1],
  groups: 1,
};
const cases: readonly (readonly [string, ConvGeometry])[] = [
  ["a 3×3 convolution", plain],
  ["stride differing by axis", { ...plain, stride: [2, 3] }],
  ["dilation differing by axis", { ...plain, H: 6, dilation: [2, 1] }],
  ["padding differing by side", { ...plain, padding: [0, 2, 3, 1] }],
  [
    "stride, dilation and padding together",
    { ...plain, H: 7, stride: [3, 2], dilation: [1, 2], padding: [2, 0, 1, 3] },
  ],
  ["two groups", { ...plain, C: 4, K: 6, groups: 2 }],
  ["a depthwise convolution", { ...plain, C: 3, K: 3, groups: 3, stride: [2, 2] }],
  ["a strided 1×1 convolution", { ...plain, R: 1, S: 1, stride: [2, 2], padding: [0, 0, 0, 0] }],
  ["a kernel of the size of the input", { ...plain, R: 5, S: 4, padding: [0, 0, 0, 0] }],
  ["many filters and channels", { ...plain, N: 1, C: 5, K: 9, H: 3, W: 3 }],
  ["a linear layer", linearGeometry(3, 6, 5)],
];

// The output is linear in each operand: a step of ½ has no truncation error, and only the rounding of outputs remains.
const STEP = 0.5;
const TOLERANCE = 1e-5;

describe.each(builds)("%s: gradients agree with central differences for", (_, kernels) => {
  test.each(cases)("%s", (name, g) => {
    const input = randomFloats(`${name}/input`, sizeOf(inputShape(g)), 0.8);
    const weight = randomFloats(`${name}/weight`, sizeOf(weightShape(g)), 0.8);
    const bias = randomFloats(`${name}/bias`, g.K);
    const upstream = randomFloats(`${name}/upstream`, sizeOf(outputShape(g)));
    const output = new Float32Array(upstream.length);
    const loss = () => {
      kernels.convForward(g, input, weight, bias, output);
      return dot(output, upstream);
    };
    const inputGrad = new Float32Array(input.length);
    const weightGrad = new Float32Array(weight.length);
    const biasGrad = new Float32Array(g.K);
    kernels.convInputGrad(g, upstream, weight, inputGrad);
    kernels.convWeightGrad(g, upstream, input, weightGrad);
    kernels.biasGrad(g, upstream, biasGrad);
    expectGradient(loss, input, inputGrad, STEP, TOLERANCE);
    expectGradient(loss, weight, weightGrad, STEP, TOLERANCE);
    expectGradient(loss, bias, biasGrad, STEP, TOLERANCE);
  });

  test("content that is already there, which is added to", () => {
    const input = randomFloats("input", sizeOf(inputShape(plain)));
    const weight = randomFloats("weight", sizeOf(weightShape(plain)));
    const upstream = randomFloats("upstream", sizeOf(outputShape(plain)));
    const passes: [number, (gradient: Float32Array) => void][] = [
      [input.length, (gradient) => kernels.convInputGrad(plain, upstream, weight, gradient)],
      [weight.length, (gradient) => kernels.convWeightGrad(plain, upstream, input, gradient)],
      [plain.K, (gradient) => kernels.biasGrad(plain, upstream, gradient)],
    ];
    for (const [size, run] of passes) {
      const fresh = new Float32Array(size);
      const added = randomFloats("content", size);
      const content = added.slice();
      run(fresh);
      run(added);
      for (let i = 0; i < size; i++) expect(added[i]).toBeCloseTo(content[i] + fresh[i], 5);
    }
  });
});
