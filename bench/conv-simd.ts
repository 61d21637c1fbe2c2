/**
 * Speed of the SIMD convolutions, sparse against dense of the same build, on shapes of ResNet-18 and ResNet-20 on 32 × 32
 * images. Forward and inputGrad with 90 % zero weights, weightGrad with 90 % of the activations below the threshold, and
 * setWeight. Times are CPU time of interleaved calls; rates count useful products. Run with
 * `npx tsx bench/conv-simd.ts [build] [batch] [rounds] [zeros]`.
 */
import seedrandom from "seedrandom";
import {
  type ConvGeometry,
  inputHalo,
  inputShape,
  linearGeometry,
  outputGradHalo,
  outputShape,
  sizeOf,
  weightShape,
} from "../src/core/geometry.ts";
import type { Conv, Halo } from "../src/kernels/backend.ts";
import { createConv } from "../src/kernels/wasm/conv/conv.ts";
import { type BlockedTensor, layOut } from "../src/kernels/wasm/layout.ts";
import type { ModuleName } from "../src/kernels/wasm/run/module.ts";
import { createRunner, type Runner } from "../src/kernels/wasm/run/runner.ts";
import { median } from "./ratio.ts";

const build = (process.argv[2] ?? "simd") as ModuleName;
const batch = Number(process.argv[3] ?? 32);
const rounds = Number(process.argv[4] ?? 9);
const zeros = Number(process.argv[5] ?? 0.9);

const conv3 = (C: number, K: number, size: number, stride = 1): ConvGeometry => ({
  N: batch,
  C,
  H: size,
  W: size,
  K,
  R: 3,
  S: 3,
  stride: [stride, stride],
  padding: [1, 1, 1, 1],
  dilation: [1, 1],
  groups: 1,
});
const conv1 = (C: number, K: number, size: number, stride: number): ConvGeometry => ({
  ...conv3(C, K, size, stride),
  R: 1,
  S: 1,
  padding: [0, 0, 0, 0],
});
const shapes: Readonly<Record<string, ConvGeometry>> = {
  "3→64 32²": conv3(3, 64, 32),
  "64→64 32²": conv3(64, 64, 32),
  "64→128 32² s2": conv3(64, 128, 32, 2),
  "64→128 32² 1×1 s2": conv1(64, 128, 32, 2),
  "128→128 16²": conv3(128, 128, 16),
  "256→256 8²": conv3(256, 256, 8),
  "512→512 4²": conv3(512, 512, 4),
  "512→10 linear": linearGeometry(batch, 512, 10),
  "16→16 32²": conv3(16, 16, 32),
  "32→32 16²": conv3(32, 32, 16),
  "64→64 8²": conv3(64, 64, 8),
};
const random = seedrandom("bench/conv-simd");

/** Everything that one geometry needs, and its passes as functions. */
function passes(runner: Runner, g: ConvGeometry): Record<string, () => void> {
  const conv: Conv = createConv(runner, g);
  const tensor = (shape: readonly number[], halo: Halo) => layOut(runner, [shape[1], shape[2], shape[3]], g.N, halo);
  const filled = (t: BlockedTensor) => {
    const floats = new Float32Array(runner.memory.buffer);
    const [C, H, W] = t.shape;
    for (let block = 0; block < t.blocks; block++) {
      for (let h = 0; h < H; h++) {
        for (let w = 0; w < W; w++) {
          const from = (t.origin + block * t.blockBytes + h * t.rowBytes + w * t.pixelBytes) / 4;
          for (let i = 0; i < C * t.lanes; i++) floats[from + i] = random() * 2 - 1;
        }
      }
    }
    return t;
  };
  const floats = (size: number) => {
    const address = runner.allocate(size * 4);
    return new Float32Array(runner.memory.buffer, address, size);
  };
  const input = filled(tensor(inputShape(g), inputHalo(g)));
  const outputGrad = filled(tensor(outputShape(g), outputGradHalo(g)));
  const output = tensor(outputShape(g), [0, 0]);
  const inputGrad = tensor(inputShape(g), [0, 0]);
  const size = sizeOf(weightShape(g));
  const dense = floats(size);
  dense.set(dense.map(() => random() * 2 - 1));
  const sparse = floats(size);
  sparse.set(dense.map((w) => (Math.abs(w) < zeros ? 0 : w)));
  const weightGrad = floats(size);
  let packed: Float32Array = sparse;
  const using = (weight: Float32Array, pass: () => void) => () => {
    if (packed !== weight) conv.setWeight(weight);
    packed = weight;
    pass();
  };
  const forward = () => conv.forward(batch, input, null, output);
  const backward = () => conv.inputGrad(batch, outputGrad, inputGrad, false);
  return {
    "pack sparse": () => {
      conv.setWeight(sparse);
      packed = sparse;
    },
    "forward sparse": using(sparse, forward),
    "inputGrad sparse": using(sparse, backward),
    "weightGrad sparse": () => conv.weightGrad(batch, outputGrad, input, zeros, weightGrad),
    "pack dense": () => {
      conv.setWeight(dense);
      packed = dense;
    },
    "forward dense": using(dense, forward),
    "inputGrad dense": using(dense, backward),
    "weightGrad dense": () => conv.weightGrad(batch, outputGrad, input, 0, weightGrad),
  };
}

/** CPU milliseconds of one call. */
function cpuTime(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

console.log(
  `${build}, batch ${batch}, ${zeros * 100} % zeros, ${rounds} rounds; ms, GFLOP/s of useful products, dense : sparse`,
);
const runner = createRunner(build);
const row = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(20) : cell.padStart(25))).join(""));
row(["shape", "forward", "inputGrad", "weightGrad", "setWeight"]);
for (const [label, g] of Object.entries(shapes)) {
  if (process.argv[6] !== undefined && !label.includes(process.argv[6])) continue;
  const all = passes(runner, g);
  const { N, C } = g;
  const flops = (2 * N * sizeOf(outputShape(g).slice(1)) * C * g.R * g.S) / g.groups;
  const repeats = Math.max(1, Math.min(100, Math.round(2e8 / flops)));
  const times = new Map<string, number[]>(Object.keys(all).map((name) => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const [name, run] of Object.entries(all)) {
      run();
      const time = cpuTime(() => {
        for (let i = 0; i < repeats; i++) run();
      });
      if (round >= 0) times.get(name)?.push(time / repeats);
    }
  }
  const ms = (name: string) => median(times.get(name) ?? []);
  const cell = (pass: string, rates: boolean) => {
    const [sparse, dense] = [ms(`${pass} sparse`), ms(`${pass} dense`)];
    const rate = (time: number, kept: number) => (rates ? `@${((flops * kept) / time / 1e6).toFixed(0)}` : "");
    const ratio = (dense / sparse).toFixed(1);
    return `${sparse.toFixed(2)}${rate(sparse, 1 - zeros)} ${dense.toFixed(1)}${rate(dense, 1)} ${ratio}×`;
  };
  row([label, cell("forward", true), cell("inputGrad", true), cell("weightGrad", true), cell("pack", false)]);
}
