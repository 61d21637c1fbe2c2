/** Tensors in the blocked layout for the tests of SIMD convolutions, and the check of their passes against the reference. */
import { expect } from "vitest";
import {
  type ConvGeometry,
  inputHalo,
  inputShape,
  outputGradHalo,
  outputShape,
  sizeOf,
  weightShape,
} from "../../../src/core/geometry.ts";
import type { Conv, Halo } from "../../../src/kernels/backend.ts";
import type { Floats } from "../../../src/kernels/kernels.ts";
import { biasGrad, convForward, convInputGrad, convWeightGrad } from "../../../src/kernels/reference/conv2d.ts";
import { createConv } from "../../../src/kernels/wasm/conv/conv.ts";
import { type BlockedTensor, layOut } from "../../../src/kernels/wasm/layout.ts";
import type { Runner } from "../../../src/kernels/wasm/run/runner.ts";
import { randomFloats } from "../builds.ts";

/** Tensors, weights and the convolution of one geometry with room for `g.N` images. */
export interface Bench {
  readonly runner: Runner;
  readonly g: ConvGeometry;
  readonly conv: Conv;
  readonly input: BlockedTensor;
  readonly output: BlockedTensor;
  readonly inputGrad: BlockedTensor;
  readonly outputGrad: BlockedTensor;
}

/** Lays out the tensors, with `extra` rows and columns of halo beyond those needed. */
export function createBench(runner: Runner, g: ConvGeometry, extra: Halo = [0, 0]): Bench {
  const tensor = (shape: readonly number[], halo: Halo) =>
    layOut(runner, [shape[1], shape[2], shape[3]], g.N, [halo[0] + extra[0], halo[1] + extra[1]]);
  return {
    runner,
    g,
    conv: createConv(runner, g),
    input: tensor(inputShape(g), inputHalo(g)),
    output: tensor(outputShape(g), [0, 0]),
    inputGrad: tensor(inputShape(g), [0, 0]),
    outputGrad: tensor(outputShape(g), outputGradHalo(g)),
  };
}

/** Float index of each element [n, c, h, w] of a tensor, image by image. */
function places(t: BlockedTensor, batch: number): Int32Array {
  const [C, H, W] = t.shape;
  const found = new Int32Array(batch * sizeOf(t.shape));
  let i = 0;
  for (let n = 0; n < batch; n++) {
    const image = (t.origin + Math.floor(n / t.lanes) * t.blockBytes) / 4 + (n % t.lanes);
    for (let c = 0; c < C; c++) {
      for (let h = 0; h < H; h++) {
        for (let w = 0; w < W; w++) {
          found[i++] = image + (h * t.rowBytes + w * t.pixelBytes) / 4 + c * t.lanes;
        }
      }
    }
  }
  return found;
}

/** tensor = values [batch, C, H, W]; images beyond the batch become zero. */
function write(runner: Runner, t: BlockedTensor, batch: number, values: Floats): void {
  const floats = new Float32Array(runner.memory.buffer);
  floats.fill(0, t.start / 4, (t.start + t.bytes) / 4);
  places(t, batch).forEach((place, i) => {
    floats[place] = values[i];
  });
}

/** Values [batch, C, H, W] of a tensor. */
function read(runner: Runner, t: BlockedTensor, batch: number): Floats {
  const floats = new Float32Array(runner.memory.buffer);
  const from = places(t, batch);
  const values = new Float32Array(from.length);
  for (let i = 0; i < values.length; i++) values[i] = floats[from[i]];
  return values;
}

/** Expects zeros in the halo of all blocks and in the idle images of the blocks in use. */
function expectCleanMargins(runner: Runner, t: BlockedTensor, batch: number): void {
  const floats = new Float32Array(runner.memory.buffer).slice(t.start / 4, (t.start + t.bytes) / 4);
  const used = Math.ceil(batch / t.lanes) * t.lanes;
  for (const place of places(t, batch)) floats[place - t.start / 4] = 0;
  // Whole blocks that are not in use may hold an earlier batch.
  let stale = 0;
  for (const place of places(t, t.blocks * t.lanes))
    if (stale++ >= used * sizeOf(t.shape)) floats[place - t.start / 4] = 0;
  expect(floats.every((v) => v === 0)).toBe(true);
}

/** Expects sums within the rounding of 32-bit arithmetic: `magnitude` is the sum of the absolute products of each. */
function expectSums(actual: Floats, expected: Floats, magnitude: Floats, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const allowed = 2e-6 * magnitude[i];
    if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
      throw new Error(`${what}[${i}]: expected ${expected[i]} ± ${allowed}, got ${actual[i]}`);
    }
  }
}

/** What one round of passes is given. */
export interface Round {
  readonly seed: string;
  readonly batch: number;
  readonly weightDensity: number;
  readonly inputDensity: number;
  readonly threshold: number;
  readonly accumulate: boolean;
  readonly bias: boolean;
}

/** Runs the four passes of a bench and returns their results. */
export function runPasses(bench: Bench, round: Round): Floats[] {
  const { runner, g, conv } = bench;
  const { batch, seed } = round;
  const at = { ...g, N: batch };
  const operands = drawOperands(at, round);
  write(runner, bench.input, batch, operands.input);
  write(runner, bench.outputGrad, batch, operands.outputGrad);
  const before = randomFloats(`${seed}/inputGrad`, operands.input.length);
  write(runner, bench.inputGrad, batch, before);
  const weightGrad = new Float32Array(operands.weight.length).fill(Number.NaN);
  const bias = new Float32Array(g.K).fill(Number.NaN);
  conv.setWeight(operands.weight);
  conv.forward(batch, bench.input, operands.bias, bench.output);
  conv.inputGrad(batch, bench.outputGrad, bench.inputGrad, round.accumulate);
  conv.weightGrad(batch, bench.outputGrad, bench.input, round.threshold, weightGrad);
  conv.biasGrad(batch, bench.outputGrad, bias);
  return [read(runner, bench.output, batch), read(runner, bench.inputGrad, batch), weightGrad, bias];
}

function drawOperands(g: ConvGeometry, { seed, weightDensity, inputDensity, bias }: Round) {
  return {
    input: randomFloats(`${seed}/input`, sizeOf(inputShape(g)), inputDensity),
    weight: randomFloats(`${seed}/weight`, sizeOf(weightShape(g)), weightDensity),
    outputGrad: randomFloats(`${seed}/outputGrad`, sizeOf(outputShape(g))),
    bias: bias ? randomFloats(`${seed}/bias`, g.K) : null,
  };
}

/** Runs the passes of a bench and holds them against the reference. */
export function expectPasses(bench: Bench, round: Round): void {
  const results = runPasses(bench, round);
  const { sums, magnitudes } = expectedSums({ ...bench.g, N: round.batch }, round);
  for (const [i, pass] of ["forward", "inputGrad", "weightGrad", "biasGrad"].entries()) {
    expectSums(results[i], sums[i], magnitudes[i], pass);
  }
  for (const t of [bench.output, bench.inputGrad]) expectCleanMargins(bench.runner, t, round.batch);
}

/** What the reference gives for the passes of a round. */
interface Expected {
  readonly sums: readonly Floats[];
  readonly magnitudes: readonly Floats[];
}

/** By geometry and round: every build is compared with the same. */
const known = new Map<string, Expected>();

function expectedSums(g: ConvGeometry, round: Round): Expected {
  const key = JSON.stringify([g, round]);
  const expected = known.get(key) ?? {
    sums: referencePasses(g, round, (values) => values),
    magnitudes: referencePasses(g, round, (values) => values.map(Math.abs)),
  };
  known.set(key, expected);
  return expected;
}

/** Results of the four passes, of operands that `of` has changed. */
function referencePasses(g: ConvGeometry, round: Round, of: (values: Floats) => Floats): Floats[] {
  const { input, weight, outputGrad, bias } = drawOperands(g, round);
  const kept = input.map((x) => (Math.abs(x) >= Math.fround(round.threshold) ? x : 0));
  const output = new Float32Array(outputGrad.length);
  const before = `${round.seed}/inputGrad`;
  const inputGrad = round.accumulate ? of(randomFloats(before, input.length)) : new Float32Array(input.length);
  const weightGrad = new Float32Array(weight.length);
  const biasSums = new Float32Array(g.K);
  convForward(g, of(input), of(weight), bias && of(bias), output);
  convInputGrad(g, of(outputGrad), of(weight), inputGrad);
  convWeightGrad(g, of(outputGrad), of(kept), weightGrad);
  biasGrad(g, of(outputGrad), biasSums);
  return [output, inputGrad, weightGrad, biasSums];
}
