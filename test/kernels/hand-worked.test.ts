import { describe, expect, test } from "vitest";
import { type ConvGeometry, linearGeometry } from "../../src/core/geometry.ts";
import type { PoolGeometry } from "../../src/core/pool-geometry.ts";
import { builds } from "./builds.ts";

const f = (...values: number[]) => Float32Array.from(values);
const g: ConvGeometry = { ...linearGeometry(1, 1, 1), H: 3, W: 3, R: 2, S: 2 };
const image = f(1, 2, 3, 4, 5, 6, 7, 8, 9);
const kernel = f(1, 0, -1, 2);

describe.each(builds)("%s, worked by hand:", (_, kernels) => {
  test("a 2×2 kernel slides over a 3×3 image without being flipped", () => {
    const output = new Float32Array(4);
    kernels.convForward(g, image, kernel, f(10), output);
    // 1·1 − 4 + 2·5 + 10, 2 − 5 + 12 + 10, 4 − 7 + 16 + 10, 5 − 8 + 18 + 10
    expect(output).toEqual(f(17, 19, 23, 25));
  });

  test("its gradients collect every use of an element", () => {
    const outputGrad = f(1, 2, 3, 4);
    const inputGrad = new Float32Array(9);
    const weightGrad = new Float32Array(4);
    const biasGrad = f(5);
    kernels.convInputGrad(g, outputGrad, kernel, inputGrad);
    kernels.convWeightGrad(g, outputGrad, image, weightGrad);
    kernels.biasGrad(g, outputGrad, biasGrad);
    expect(inputGrad).toEqual(f(1, 2, 0, 2, 4, 4, -3, 2, 8));
    expect(weightGrad).toEqual(f(37, 47, 67, 77));
    expect(biasGrad).toEqual(f(15));
  });

  test("stride 2 with one row of padding above and one column to the right takes the corners", () => {
    const strided: ConvGeometry = { ...g, stride: [2, 2], padding: [1, 0, 0, 1] };
    const output = new Float32Array(4);
    kernels.convForward(strided, image, kernel, null, output);
    // rows −1..0 and 1..2; columns 0..1 and 2..3
    expect(output).toEqual(f(-1 + 4, -3, 4 - 7 + 16, 6 - 9));
  });

  test("two groups see only their own channel", () => {
    const grouped: ConvGeometry = { ...linearGeometry(1, 2, 2), groups: 2 };
    const output = new Float32Array(2);
    kernels.convForward(grouped, f(3, 5), f(10, 100), null, output);
    expect(output).toEqual(f(30, 500));
  });

  test("a linear layer multiplies rows of the weight", () => {
    const output = new Float32Array(4);
    kernels.convForward(linearGeometry(2, 3, 2), f(1, 2, 3, 4, 5, 6), f(1, 0, -1, 2, 1, 0), f(0, 1), output);
    expect(output).toEqual(f(-2, 5, -2, 14));
  });

  test("batch norm normalises to γ and β and moves the running statistics by the unbiased variance", () => {
    const [mean, invStd, runningMean, runningVariance] = [f(0), f(0), f(1), f(1)];
    const output = new Float32Array(2);
    const shape = { N: 2, C: 1, pixels: 1 };
    kernels.batchNormTrain(shape, f(1, 3), f(2), f(5), 0, 0.5, runningMean, runningVariance, mean, invStd, output);
    expect(output).toEqual(f(3, 7));
    expect([mean[0], invStd[0], runningMean[0], runningVariance[0]]).toEqual([2, 1, 1.5, 1.5]);
    kernels.batchNormEval(shape, f(1.5, 3.5), f(2), f(5), 0.75, runningMean, f(3.25), output);
    expect(output).toEqual(f(5, 7));
  });

  test("ReLU passes what is positive, and its gradient at zero is zero", () => {
    const output = new Float32Array(5);
    kernels.reluForward(5, f(-1, 0, -0, 2, Number.NaN), output);
    expect(output).toEqual(f(0, 0, 0, 2, Number.NaN));
    const inputGrad = f(1, 1, 1, 1);
    kernels.reluBackward(4, output, f(5, 6, 7, 8), inputGrad);
    expect(inputGrad).toEqual(f(1, 1, 1, 9));
  });

  test("ReLU6 stops at 6, and its gradient there is zero", () => {
    const output = new Float32Array(5);
    kernels.reluForward(5, f(-1, 3, 6, 7, Number.NaN), output, 6);
    expect(output).toEqual(f(0, 3, 6, 6, Number.NaN));
    const inputGrad = f(1, 1, 1, 1);
    kernels.reluBackward(4, output, f(5, 6, 7, 8), inputGrad, 6);
    expect(inputGrad).toEqual(f(1, 7, 1, 1));
  });

  test("addition and accumulation", () => {
    const output = new Float32Array(2);
    kernels.addForward(2, f(1, 2), f(10, 20), output);
    kernels.accumulate(2, f(100, 200), output);
    expect(output).toEqual(f(111, 222));
  });

  const pool: PoolGeometry = { N: 1, C: 1, H: 3, W: 3, window: [2, 2], stride: [2, 2], padding: [1, 0, 1, 0] };

  test("max pooling never takes padding and sends the gradient to the first maximum", () => {
    const output = new Float32Array(4);
    const argmax = new Int32Array(4);
    const inputGrad = new Float32Array(9);
    kernels.maxPoolForward(pool, f(-4, -3, -3, -2, -1, -1, -5, -1, -1), output, argmax);
    expect(output).toEqual(f(-4, -3, -2, -1));
    expect([...argmax]).toEqual([0, 1, 3, 4]);
    kernels.maxPoolBackward(pool, f(1, 2, 3, 4), argmax, inputGrad);
    expect(inputGrad).toEqual(f(1, 2, 0, 3, 4, 0, 0, 0, 0));
  });

  test("the first NaN of a window is its maximum; a window in the padding has none", () => {
    const row: PoolGeometry = { N: 1, C: 1, H: 1, W: 4, window: [1, 2], stride: [1, 2], padding: [0, 0, 2, 0] };
    const output = new Float32Array(3);
    const argmax = new Int32Array(3);
    kernels.maxPoolForward(row, f(9, Number.NaN, Number.NaN, Number.NaN), output, argmax);
    expect(output).toEqual(f(Number.NEGATIVE_INFINITY, Number.NaN, Number.NaN));
    expect([...argmax]).toEqual([-1, 1, 2]);
    const inputGrad = new Float32Array(4);
    kernels.maxPoolBackward(row, f(7, 1, 2), argmax, inputGrad);
    expect(inputGrad).toEqual(f(0, 1, 2, 0));
  });

  test("average pooling counts padding as zeros", () => {
    const output = new Float32Array(4);
    const inputGrad = new Float32Array(9);
    kernels.averagePoolForward(pool, image, output);
    expect(output).toEqual(f(0.25, 1.25, 2.75, 7));
    kernels.averagePoolBackward(pool, f(4, 8, 12, 16), inputGrad);
    expect(inputGrad).toEqual(f(1, 2, 2, 3, 4, 4, 3, 4, 4));
  });

  test("global average pooling is a window of the image's size", () => {
    const output = new Float32Array(1);
    kernels.averagePoolForward({ ...pool, window: [3, 3], stride: [1, 1], padding: [0, 0, 0, 0] }, image, output);
    expect(output).toEqual(f(5));
  });

  test("cross-entropy of equal logits is log(classes), also where exp would overflow", () => {
    const logitsGrad = f(9, 9, 9, 9);
    const labels = Uint8Array.of(1, 0);
    const loss = kernels.crossEntropy(2, 2, f(0, 0, 1000, 1000), labels, 0, logitsGrad);
    expect(loss).toBeCloseTo(Math.log(2), 14);
    expect(logitsGrad).toEqual(f(0.25, -0.25, -0.25, 0.25));
    expect(kernels.crossEntropy(1, 2, f(1000, 0), Uint8Array.of(0), 0, logitsGrad)).toBe(0);
    expect(kernels.crossEntropy(1, 2, f(1000, 0), Uint8Array.of(0), 0.1, logitsGrad)).toBeCloseTo(50, 10);
  });

  test("AdamW takes the steps of PyTorch", () => {
    const parameter = f(1, -2, 0.5, 0);
    const [mean, square] = [new Float32Array(4), new Float32Array(4)];
    // torch.optim.AdamW([p], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1) in float64, PyTorch 1.13.
    const steps = [
      [f(0.5, -1, 0.25, 1e-9), [0.9890000002, -1.9880000001, 0.48950000039999997, -0.000909090909090909]],
      [f(-0.5, 2, 0.125, 0), [0.9885373159787474, -1.9896730353471075, 0.47968870448320644, -0.0013505908142421015]],
      [f(0.1, 0.3, -0.7, 4), [0.9870564317641399, -1.991338140685076, 0.48247238831558253, -0.007737376191059]],
    ] as const;
    steps.forEach(([gradient, wanted], index) => {
      const rates = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
      kernels.adamUpdate({ ...rates, step: index + 1 }, parameter, gradient, mean, square);
      wanted.forEach((value, i) => void expect(parameter[i]).toBeCloseTo(value, 6));
    });
    const state = [
      [0.0055, 0.129, -0.0385, 0.4],
      [0.00050925025, 0.005084001, 0.0005679844375, 0.016],
    ];
    state[0].forEach((value, i) => void expect(mean[i]).toBeCloseTo(value, 7));
    state[1].forEach((value, i) => void expect(square[i]).toBeCloseTo(value, 8));
  });

  test("SGD: plain, with momentum and decay, and Nesterov", () => {
    const settings = { learningRate: 0.5, momentum: 0, nesterov: false, weightDecay: 0.25 };
    const parameter = f(4);
    const buffer = f(3);
    kernels.sgdUpdate(settings, parameter, f(1), buffer);
    expect([parameter[0], buffer[0]]).toEqual([3, 3]); // 4 − ½·(1 + 1)
    kernels.sgdUpdate({ ...settings, momentum: 0.5, weightDecay: 0 }, parameter, f(1), buffer);
    expect([parameter[0], buffer[0]]).toEqual([1.75, 2.5]); // buffer = 1.5 + 1
    kernels.sgdUpdate({ ...settings, momentum: 0.5, weightDecay: 0, nesterov: true }, parameter, f(1), buffer);
    expect([parameter[0], buffer[0]]).toEqual([0.6875, 2.25]); // 1.75 − ½·(1 + ½·2.25)
  });
});
