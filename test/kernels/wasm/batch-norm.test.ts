import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import {
  anySizes,
  expectClose,
  moduleNames,
  play,
  reasonToSkip,
  type Sizes,
  type Stage,
  sides,
  someFloats,
} from "./sides.ts";

const EPSILON = 1e-5;
/** Half a unit in the last place of a float, relative. */
const ROUNDING = 2 ** -24;

/** Values of each channel around its own mean. */
function inputOf({ shape: [C, H, W], batch, seed }: Sizes, offset: number, spread: number): Float32Array {
  const values = someFloats(`x/${seed}`, batch * C * H * W);
  return values.map((value, i) => (Math.floor(i / (H * W)) % C) * offset + offset + spread * value);
}

/** Largest 1/√(variance + ε) of a channel. */
function largestInvStd({ shape: [C, H, W], batch }: Sizes, values: Float32Array): number {
  let largest = 0;
  for (let c = 0; c < C; c++) {
    const own = values.filter((_, i) => Math.floor(i / (H * W)) % C === c);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batch * H * W);
    largest = Math.max(largest, 1 / Math.sqrt(variance + EPSILON));
  }
  return largest;
}

/** dx, dγ and dβ by the formulas of the reference kernel, without rounding the statistics to floats. */
function exactGradients(
  { shape: [C, H, W] }: Sizes,
  x: Float32Array,
  gamma: Float32Array,
  g: Float32Array,
): [number[], number[], number[]] {
  const dx = new Array<number>(x.length).fill(0);
  const [dGamma, dBeta] = [new Array<number>(C).fill(0), new Array<number>(C).fill(0)];
  for (let c = 0; c < C; c++) {
    const own = [...x.keys()].filter((i) => Math.floor(i / (H * W)) % C === c);
    const meanOf = (value: (i: number) => number) => own.reduce((sum, i) => sum + value(i), 0) / own.length;
    const mean = meanOf((i) => x[i]);
    const invStd = 1 / Math.sqrt(meanOf((i) => (x[i] - mean) ** 2) + EPSILON);
    const [meanGrad, meanProduct] = [meanOf((i) => g[i]), meanOf((i) => g[i] * (x[i] - mean) * invStd)];
    dBeta[c] = meanGrad * own.length;
    dGamma[c] = meanProduct * own.length;
    for (const i of own) dx[i] = gamma[c] * invStd * (g[i] - meanGrad - (x[i] - mean) * invStd * meanProduct);
  }
  return [dx, dGamma, dBeta];
}

const distributions = fc.record({
  offset: fc.constantFrom(0, 0.5, -3, 100),
  spread: fc.constantFrom(0, 0.1, 1, 50),
});

describe.each(moduleNames)("%s batch norm", (name) => {
  const reason = reasonToSkip(name);
  if (reason !== undefined) {
    test.skip(reason);
    return;
  }
  const pair = sides(name);
  const run = (sizes: Sizes, scenario: (stage: Stage) => Float32Array[]) =>
    play(pair, sizes.maxBatch, sizes.batch, scenario);
  const parameters = ({ shape: [C], seed }: Sizes) => ({
    gamma: someFloats(`gamma/${seed}`, C),
    beta: someFloats(`beta/${seed}`, C),
    running: () => ({
      mean: someFloats(`mean/${seed}`, C),
      variance: someFloats(`variance/${seed}`, C).map((value) => value * value + 0.1),
      momentum: 0.1,
      epsilon: EPSILON,
    }),
  });

  test("agrees with the reference in training and evaluation, for any mean and spread", () => {
    fc.assert(
      fc.property(anySizes, distributions, (sizes, { offset, spread }) => {
        const { shape, maxBatch, batch, halos } = sizes;
        const values = inputOf(sizes, offset, spread);
        const { gamma, beta, running } = parameters(sizes);
        const { actual, expected } = run(sizes, (stage) => {
          const norm = stage.backend.batchNorm(shape, maxBatch);
          const statistics = running();
          const [x, y] = [stage.tensor(shape, halos[0], values), stage.tensor(shape, halos[1])];
          norm.train(batch, x, gamma, beta, statistics, y);
          const trained = stage.read(y);
          norm.evaluate(batch, x, gamma, beta, statistics, y);
          return [trained, stage.read(y), statistics.mean, statistics.variance];
        });
        // A channel of one value apart from rounding is amplified up to 1/√ε times.
        const amplified = largestInvStd(sizes, values) * Math.max(spread, 1e-3);
        expectClose(actual[0], expected[0], 4e-6, 4e-6 + 8 * ROUNDING * amplified);
        expectClose(actual[2], expected[2], 2e-6, 1e-7 * spread);
        expectClose(actual[3], expected[3], 4e-6, 1e-9);
        expectClose(actual[1], expected[1], 1e-5, 1e-5 * (1 + Math.abs(offset) + spread));
      }),
      { numRuns: 400 },
    );
  });

  test("agrees with its gradients in double precision, for any mean and spread", () => {
    fc.assert(
      fc.property(anySizes, distributions, fc.boolean(), (sizes, { offset, spread }, accumulate) => {
        const { shape, maxBatch, batch, halos } = sizes;
        const [C] = shape;
        const values = inputOf(sizes, offset, spread);
        const { gamma, beta, running } = parameters(sizes);
        const size = batch * sizeOf(shape);
        const outputGrad = someFloats(`dy/${sizes.seed}`, size);
        const before = accumulate ? someFloats(`dx/${sizes.seed}`, size) : undefined;
        const { actual } = run(sizes, (stage) => {
          const norm = stage.backend.batchNorm(shape, maxBatch);
          const [x, y] = [stage.tensor(shape, halos[0], values), stage.tensor(shape, halos[1])];
          const dx = stage.tensor(shape, halos[2], before);
          norm.train(batch, x, gamma, beta, running(), y);
          // An evaluation in between does not disturb what the backward pass needs.
          norm.evaluate(batch, x, gamma, beta, running(), y);
          const [gammaGrad, betaGrad] = [new Float32Array(C).fill(9), new Float32Array(C).fill(9)];
          norm.backward(
            batch,
            x,
            gamma,
            stage.tensor(shape, halos[1], outputGrad),
            dx,
            accumulate,
            gammaGrad,
            betaGrad,
          );
          return [stage.read(dx), gammaGrad, betaGrad];
        });
        const exact = exactGradients(sizes, values, gamma, outputGrad);
        const [dx, gammaGrad, betaGrad] = exact.map((numbers) => Float32Array.from(numbers));
        if (before !== undefined) for (let i = 0; i < size; i++) dx[i] += before[i];
        const scale = 1 + largestInvStd(sizes, values);
        const count = size / C;
        expectClose(actual[0], dx, 1e-6, 1e-6 * scale);
        expectClose(actual[1], gammaGrad, 1e-6, 2 * ROUNDING * count * (1 + scale * spread));
        expectClose(actual[2], betaGrad, 1e-6, 2 * ROUNDING * count);
      }),
      { numRuns: 400 },
    );
  });

  test("keeps its digits where the first guess of the mean is far off", () => {
    // The guess is made from the middle pixel, here the only one that differs: all others are 64² variances away from it.
    const sizes: Sizes = { shape: [3, 64, 64], maxBatch: 2, batch: 2, halos: [], seed: 1 };
    const pixels = 64 * 64;
    const values = Float32Array.from({ length: 2 * 3 * pixels }, (_, i) => 0.1 * (1 + Math.floor(i / pixels)));
    for (let plane = 0; plane < 6; plane++) values[plane * pixels + 32 * 64 + 32] = 1000.3 + plane;
    const ones = Float32Array.of(1, 1, 1);
    const { actual, expected } = run(sizes, (stage) => {
      const statistics = { mean: new Float32Array(3), variance: new Float32Array(3), momentum: 1, epsilon: EPSILON };
      const y = stage.tensor(sizes.shape, [1, 1]);
      const norm = stage.backend.batchNorm(sizes.shape, 2);
      norm.train(2, stage.tensor(sizes.shape, [0, 0], values), ones, ones, statistics, y);
      return [stage.read(y), statistics.mean, statistics.variance];
    });
    for (const [i, numbers] of expected.entries()) expectClose(actual[i], numbers, 5e-7, 0);
  });

  test("gives β for a single value, and moves the running variance towards 0", () => {
    const sizes: Sizes = { shape: [2, 1, 1], maxBatch: 4, batch: 1, halos: [], seed: 3 };
    const beta = Float32Array.of(0.5, -2);
    const { actual } = run(sizes, (stage) => {
      const statistics = { mean: new Float32Array(2), variance: Float32Array.of(1, 1), momentum: 0.5, epsilon: 1e-5 };
      const y = stage.tensor(sizes.shape, [0, 0]);
      const x = stage.tensor(sizes.shape, [0, 0], Float32Array.of(3, -1e6));
      stage.backend.batchNorm(sizes.shape, 4).train(1, x, Float32Array.of(2, 2), beta, statistics, y);
      return [stage.read(y), statistics.mean, statistics.variance];
    });
    expect(actual.map((values) => [...values])).toEqual([
      [0.5, -2],
      [1.5, -5e5],
      [0.5, 0.5],
    ]);
  });

  test("turns a NaN into NaN in its own channel only", () => {
    const sizes: Sizes = { shape: [2, 2, 1], maxBatch: 2, batch: 2, halos: [], seed: 3 };
    const values = Float32Array.of(Number.NaN, 1, 2, 3, 4, 5, 6, 7);
    const ones = Float32Array.of(1, 1);
    const { actual } = run(sizes, (stage) => {
      const statistics = { mean: new Float32Array(2), variance: new Float32Array(2), momentum: 0.1, epsilon: 1e-5 };
      const y = stage.tensor(sizes.shape, [0, 0]);
      const x = stage.tensor(sizes.shape, [0, 0], values);
      stage.backend.batchNorm(sizes.shape, 2).train(2, x, ones, ones, statistics, y);
      return [stage.read(y)];
    });
    expect(Array.from(actual[0], Number.isNaN)).toEqual([true, true, false, false, true, true, false, false]);
  });
});
