/**
 * Speed of the three convolution passes on the shapes of a small ResNet: dense and with 90 % zeros in the operand whose
 * zeros the pass skips (SWAT: weight, weight, input). Prints dense-equivalent GMAC/s, sparse : dense and, on a batch of
 * one, js : reference. Run with `npx tsx bench/conv.ts [batch] [rounds]`.
 */
import seedrandom from "seedrandom";
import { denseMacs } from "../src/core/dense-macs.ts";
import type { ConvGeometry } from "../src/core/geometry.ts";
import { inputShape, outputShape, sizeOf, weightShape } from "../src/core/geometry.ts";
import { jsKernels } from "../src/kernels/js/index.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { referenceKernels } from "../src/kernels/reference/index.ts";
import { compare } from "./ratio.ts";

const batch = Number(process.argv[2] ?? 32);
const rounds = Number(process.argv[3] ?? 7);
const SPARSITY = 0.9;
/** [label, C, K, H = W, kernel, stride] */
const shapes: readonly (readonly [string, number, number, number, number, number])[] = [
  ["1→16 28² stem", 1, 16, 28, 3, 1],
  ["16→16 28²", 16, 16, 28, 3, 1],
  ["16→32 28² s2", 16, 32, 28, 3, 2],
  ["16→32 28² 1×1 s2", 16, 32, 28, 1, 2],
  ["32→32 14²", 32, 32, 14, 3, 1],
  ["32→64 14² s2", 32, 64, 14, 3, 2],
  ["64→64 7²", 64, 64, 7, 3, 1],
  ["64→10 linear", 64, 10, 1, 1, 1],
];
const random = seedrandom("bench/conv");

function randomFloats(size: number, sparsity: number): Float32Array {
  return Float32Array.from({ length: size }, () => (random() < sparsity ? 0 : random() - 0.5));
}

function geometry(N: number, [, C, K, size, kernel, stride]: (typeof shapes)[number]): ConvGeometry {
  const pad = kernel >> 1;
  const padding = [pad, pad, pad, pad] as const;
  return {
    N,
    C,
    H: size,
    W: size,
    K,
    R: kernel,
    S: kernel,
    stride: [stride, stride],
    padding,
    dilation: [1, 1],
    groups: 1,
  };
}

/** The three passes as functions without arguments, each on its own arrays of random values. */
function passes(kernels: Kernels, g: ConvGeometry, sparsity: number): Record<string, () => void> {
  const sparseInput = randomFloats(sizeOf(inputShape(g)), sparsity);
  const denseInput = randomFloats(sizeOf(inputShape(g)), 0);
  const weight = randomFloats(sizeOf(weightShape(g)), sparsity);
  const outputGrad = randomFloats(sizeOf(outputShape(g)), 0);
  const output = new Float32Array(sizeOf(outputShape(g)));
  const inputGrad = new Float32Array(sizeOf(inputShape(g)));
  const weightGrad = new Float32Array(sizeOf(weightShape(g)));
  return {
    forward: () => kernels.convForward(g, denseInput, weight, null, output),
    inputGrad: () => kernels.convInputGrad(g, outputGrad, weight, inputGrad),
    weightGrad: () => kernels.convWeightGrad(g, outputGrad, sparseInput, weightGrad),
  };
}

const js = jsKernels;
const reference = referenceKernels;
const lines = [["shape", "pass", "dense GMAC/s", "dense ms", "sparse ms", "sparse : dense", "js : reference"]];
for (const shape of shapes) {
  const g = geometry(batch, shape);
  const one = geometry(1, shape);
  const dense = passes(js, g, 0);
  const sparse = passes(js, g, SPARSITY);
  const small = passes(js, one, 0);
  const slow = passes(reference, one, 0);
  for (const pass of ["forward", "inputGrad", "weightGrad"]) {
    const big = compare({ dense: dense[pass], sparse: sparse[pass] }, { rounds });
    const pair = compare({ js: small[pass], reference: slow[pass] }, { rounds });
    lines.push([
      shape[0],
      pass,
      (denseMacs(g) / big.dense / 1e6).toFixed(2),
      big.dense.toFixed(2),
      big.sparse.toFixed(2),
      `${(big.dense / big.sparse).toFixed(1)}×`,
      `${(pair.reference / pair.js).toFixed(1)}×`,
    ]);
  }
}
for (const line of lines) console.log(line.map((cell, i) => (i < 2 ? cell.padEnd(18) : cell.padStart(15))).join(""));
