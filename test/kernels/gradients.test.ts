import { describe, expect, test } from "vitest";
import type { PoolGeometry } from "../../src/core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../src/core/pool-geometry.ts";
import type { NormGeometry } from "../../src/kernels/kernels.ts";
import { batchNormEvalBackward } from "../../src/kernels/reference/batch-norm.ts";
import { builds, dot, expectGradient, randomFloats } from "./builds.ts";

// Linear operations have no truncation error at any step. Of the others a step h costs about h²/6 times the third
// derivative, which is of order 1, and float32 outputs cost about 10⁻⁶/h: both stay below 10⁻³.
const LINEAR = { step: 0.5, tolerance: 1e-5 };
const CURVED = { step: 2 ** -5, tolerance: 1e-3 };

const pools: readonly (readonly [string, PoolGeometry])[] = [
  ["2×2 windows", pool([2, 2], [2, 2], [0, 0, 0, 0])],
  ["overlapping windows with padding", pool([3, 3], [2, 2], [1, 1, 1, 1])],
  ["windows that differ by axis and side", pool([3, 2], [1, 3], [2, 0, 1, 1])],
  ["the whole image", pool([5, 6], [1, 1], [0, 0, 0, 0])],
];

function pool(
  window: readonly [number, number],
  stride: readonly [number, number],
  padding: readonly [number, number, number, number],
): PoolGeometry {
  return { N: 2, C: 2, H: 5, W: 6, window, stride, padding };
}

/** Distinct values 0.1 apart in a random order: no step of `CURVED` changes which one is the largest. */
function distinctFloats(seed: string, size: number): Float32Array {
  const keys = randomFloats(seed, size);
  const order = [...keys.keys()].sort((a, b) => keys[a] - keys[b]);
  const values = new Float32Array(size);
  for (const [rank, index] of order.entries()) values[index] = 0.1 * rank - 0.05 * size;
  return values;
}

describe.each(builds)("%s: gradients agree with central differences for", (_, kernels) => {
  const g: NormGeometry = { N: 3, C: 2, pixels: 4 };
  const size = g.N * g.C * g.pixels;

  test("batch norm in training, with respect to input, γ and β", () => {
    const input = randomFloats("norm/input", size);
    const gamma = randomFloats("norm/gamma", g.C);
    const beta = randomFloats("norm/beta", g.C);
    const upstream = randomFloats("norm/upstream", size);
    const output = new Float32Array(size);
    const mean = new Float32Array(g.C);
    const invStd = new Float32Array(g.C);
    const loss = () => {
      const running = [new Float32Array(g.C), new Float32Array(g.C)] as const;
      kernels.batchNormTrain(g, input, gamma, beta, 1e-5, 0.1, ...running, mean, invStd, output);
      return dot(output, upstream);
    };
    loss();
    const inputGrad = new Float32Array(size);
    const gammaGrad = new Float32Array(g.C);
    const betaGrad = new Float32Array(g.C);
    kernels.batchNormBackward(g, input, gamma, mean.slice(), invStd.slice(), upstream, inputGrad, gammaGrad, betaGrad);
    // The input's third derivative grows with invStd³, about 5 here: a smaller step than for the others.
    expectGradient(loss, input, inputGrad, 2 ** -7, 2e-3);
    expectGradient(loss, gamma, gammaGrad, LINEAR.step, LINEAR.tolerance);
    expectGradient(loss, beta, betaGrad, LINEAR.step, LINEAR.tolerance);
  });

  test("batch norm in evaluation, with respect to input, γ and β", () => {
    const input = randomFloats("eval/input", size);
    const gamma = randomFloats("eval/gamma", g.C);
    const beta = randomFloats("eval/beta", g.C);
    const upstream = randomFloats("eval/upstream", size);
    const mean = randomFloats("eval/mean", g.C);
    const variance = randomFloats("eval/variance", g.C).map((value) => value * value + 0.5);
    const output = new Float32Array(size);
    const loss = () => {
      kernels.batchNormEval(g, input, gamma, beta, 1e-5, mean, variance, output);
      return dot(output, upstream);
    };
    const inputGrad = new Float32Array(size);
    const gammaGrad = new Float32Array(g.C);
    const betaGrad = new Float32Array(g.C);
    batchNormEvalBackward(g, input, gamma, 1e-5, mean, variance, upstream, inputGrad, gammaGrad, betaGrad);
    expectGradient(loss, input, inputGrad, LINEAR.step, LINEAR.tolerance);
    expectGradient(loss, gamma, gammaGrad, LINEAR.step, LINEAR.tolerance);
    expectGradient(loss, beta, betaGrad, LINEAR.step, LINEAR.tolerance);
  });

  test("ReLU, away from its kink", () => {
    const input = randomFloats("relu", 40).map((value) => value + Math.sign(value) * 2 * CURVED.step);
    const upstream = randomFloats("relu/upstream", 40);
    const output = new Float32Array(40);
    const loss = () => {
      kernels.reluForward(40, input, output);
      return dot(output, upstream);
    };
    const inputGrad = new Float32Array(40);
    loss();
    kernels.reluBackward(40, output, upstream, inputGrad);
    expectGradient(loss, input, inputGrad, CURVED.step, CURVED.tolerance);
  });

  test("addition", () => {
    const a = randomFloats("a", 12);
    const b = randomFloats("b", 12);
    const upstream = randomFloats("add/upstream", 12);
    const output = new Float32Array(12);
    const loss = () => {
      kernels.addForward(12, a, b, output);
      return dot(output, upstream);
    };
    const grad = new Float32Array(12);
    kernels.accumulate(12, upstream, grad);
    expectGradient(loss, a, grad, LINEAR.step, LINEAR.tolerance);
    expectGradient(loss, b, grad, LINEAR.step, LINEAR.tolerance);
  });

  test.each(pools)("max and average pooling over %s", (name, p) => {
    const input = distinctFloats(name, p.N * p.C * p.H * p.W);
    const outputs = p.N * p.C * poolOutputHeight(p) * poolOutputWidth(p);
    const upstream = randomFloats(`${name}/upstream`, outputs);
    const output = new Float32Array(outputs);
    const argmax = new Int32Array(outputs);
    const inputGrad = new Float32Array(input.length);
    const maximum = () => {
      kernels.maxPoolForward(p, input, output, argmax);
      // −∞ is the maximum of a window without an element; it has no gradient.
      return dot(
        output.map((value) => (Number.isFinite(value) ? value : 0)),
        upstream,
      );
    };
    maximum();
    kernels.maxPoolBackward(p, upstream, argmax, inputGrad);
    expectGradient(maximum, input, inputGrad, CURVED.step, CURVED.tolerance);
    const average = () => {
      kernels.averagePoolForward(p, input, output);
      return dot(output, upstream);
    };
    inputGrad.fill(0);
    kernels.averagePoolBackward(p, upstream, inputGrad);
    expectGradient(average, input, inputGrad, LINEAR.step, LINEAR.tolerance);
  });

  test.each([0, 0.1])("cross-entropy with smoothing %d", (smoothing) => {
    const [N, classes] = [4, 5];
    const logits = randomFloats("logits", N * classes).map((value) => 3 * value);
    const labels = Uint8Array.of(0, 4, 2, 2);
    const grad = new Float32Array(N * classes);
    const unused = new Float32Array(N * classes);
    kernels.crossEntropy(N, classes, logits, labels, smoothing, grad);
    const loss = () => kernels.crossEntropy(N, classes, logits, labels, smoothing, unused);
    expectGradient(loss, logits, grad, CURVED.step, 1e-4);
  });

  test("content that is already there, which is added to; cross-entropy overwrites", () => {
    const p = pool([3, 3], [2, 2], [1, 1, 1, 1]);
    const outputs = p.N * p.C * poolOutputHeight(p) * poolOutputWidth(p);
    const values = randomFloats("values", 120);
    const upstream = randomFloats("up", 120);
    const argmax = new Int32Array(outputs);
    kernels.maxPoolForward(p, values, new Float32Array(outputs), argmax);
    const norm: NormGeometry = { N: 5, C: 2, pixels: 12 };
    const [two, one] = [new Float32Array(2), new Float32Array(2).fill(1)];
    const passes: ((gradient: Float32Array) => void)[] = [
      (gradient) => kernels.maxPoolBackward(p, upstream, argmax, gradient),
      (gradient) => kernels.averagePoolBackward(p, upstream, gradient),
      (gradient) => kernels.reluBackward(120, values, upstream, gradient),
      (gradient) =>
        kernels.batchNormBackward(norm, values, one, two, one, upstream, gradient, two.slice(), two.slice()),
      (gradient) =>
        kernels.batchNormBackward(norm, values, one, two, one, upstream, values.slice(), gradient, two.slice()),
      (gradient) =>
        kernels.batchNormBackward(norm, values, one, two, one, upstream, values.slice(), two.slice(), gradient),
    ];
    for (const run of passes) {
      const fresh = new Float32Array(120);
      const added = new Float32Array(120).fill(8);
      run(fresh);
      run(added);
      for (let i = 0; i < 120; i++) expect(added[i]).toBeCloseTo(8 + fresh[i], 5);
    }
    const grads = [new Float32Array(4), new Float32Array(4).fill(8)];
    for (const grad of grads) kernels.crossEntropy(1, 4, values, Uint8Array.of(1), 0.1, grad);
    expect(grads[1]).toEqual(grads[0]);
  });

  test("repeated calls, which give identical bytes", () => {
    const p = pool([3, 3], [2, 2], [1, 1, 1, 1]);
    const run = () => {
      const values = randomFloats("repeat", 120);
      const output = new Float32Array(120);
      const [mean, invStd] = [new Float32Array(2), new Float32Array(2)];
      const running = [new Float32Array(2), new Float32Array(2)] as const;
      const norm: NormGeometry = { N: 5, C: 2, pixels: 12 };
      kernels.batchNormTrain(
        norm,
        values,
        mean.map(() => 1),
        invStd,
        1e-5,
        0.1,
        ...running,
        mean,
        invStd,
        output,
      );
      kernels.averagePoolBackward(p, values, output);
      kernels.crossEntropy(10, 12, values, new Uint8Array(10), 0.1, output.subarray(0, 120));
      return [output, mean, invStd, ...running];
    };
    expect(run()).toEqual(run());
  });
});
