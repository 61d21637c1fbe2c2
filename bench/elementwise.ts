/**
 * Speed of everything in a training step that is neither a convolution nor top-k, on one thread: the js build against
 * the WebAssembly ones, interleaved. GB/s counts every pass over a tensor (batch norm reads its input twice); `copy` is a
 * memory copy and shows what the machine gives. `write` only copies in the js build, whose tensors are [N, C, H, W].
 * Run with `npx tsx bench/elementwise.ts [batch] [rounds]`.
 */
import seedrandom from "seedrandom";
import { sizeOf } from "../src/core/geometry.ts";
import type { Backend, Halo } from "../src/kernels/backend.ts";
import { createBackend, isSupported } from "../src/kernels/index.ts";
import type { BuildName } from "../src/kernels/kernels.ts";
import { compare } from "./ratio.ts";

const batch = Number(process.argv[2] ?? 32);
const rounds = Number(process.argv[3] ?? 15);
const HALO: Halo = [1, 1];
const SPARSE_THRESHOLD = 0.45;
/** [C, H, W] of layers of a ResNet-18 on 32 × 32 images. */
const shapes = [
  [64, 32, 32],
  [512, 4, 4],
] as const;
const builds = (["js", "simd", "relaxed"] as const).filter(isSupported);
const random = seedrandom("bench/elementwise");

/** Each operation on tensors of its own, and how many tensors' worth of memory it must move. */
function operations(backend: Backend, shape: (typeof shapes)[number], values: Float32Array) {
  const [C, H, W] = shape;
  const tensor = () => {
    const made = backend.tensor(shape, batch, HALO);
    backend.write(made, batch, values);
    return made;
  };
  const [a, b, c] = [tensor(), tensor(), tensor()];
  const size = values.length;
  const own = () => {
    const array = backend.floats(size);
    array.set(values);
    return array;
  };
  const signs = backend.signs(shape, batch);
  const [p, q, r] = [own(), own(), own()];
  const [gamma, beta, gammaGrad, betaGrad] = [0, 1, 2, 3].map(() => new Float32Array(C).fill(1));
  const running = { mean: new Float32Array(C), variance: new Float32Array(C), momentum: 0.1, epsilon: 1e-5 };
  const norm = backend.batchNorm(shape, batch);
  const g = { N: batch, C, H, W, window: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] } as const;
  const maxPool = backend.maxPool(g);
  const averagePool = backend.averagePool({ ...g, window: [H, W], padding: [0, 0, 0, 0] });
  const half = backend.tensor([C, H / 2, W / 2], batch, HALO);
  const one = backend.tensor([C, 1, 1], batch, [0, 0]);
  const sgd = { learningRate: 0, momentum: 0.9, nesterov: true, weightDecay: 5e-4 };
  const run: Record<string, [tensors: number, () => void]> = {
    copy: [2, () => backend.copy(batch, a, b, false)],
    "copy, adding": [3, () => backend.copy(batch, a, b, true)],
    add: [3, () => backend.add(batch, a, b, c)],
    relu: [2, () => backend.relu(batch, a, b, signs)],
    "relu backward": [2, () => backend.reluBackward(batch, signs, b, c, false)],
    "batch norm": [3, () => norm.train(batch, a, gamma, beta, running, b)],
    "batch norm backward": [5, () => norm.backward(batch, a, gamma, b, c, false, gammaGrad, betaGrad)],
    "max pool": [1.5, () => maxPool.forward(batch, a, half)],
    "max pool backward": [1.5, () => maxPool.backward(batch, half, c, false)],
    "global average": [1, () => averagePool.forward(batch, a, one)],
    "global average back": [1, () => averagePool.backward(batch, one, c, false)],
    mask: [1, () => backend.mask(a, batch, SPARSE_THRESHOLD)],
    write: [2, () => backend.write(a, batch, values)],
    "apply threshold": [2, () => backend.applyThreshold(p, SPARSE_THRESHOLD, q)],
    sgd: [5, () => backend.sgdUpdate(sgd, p, q, r)],
  };
  return run;
}

const row = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(22) : cell.padStart(13))).join(""));

for (const shape of shapes) {
  const size = batch * sizeOf(shape);
  const values = Float32Array.from({ length: size }, () => random() - 0.5);
  const all = new Map(
    builds.map((name): [BuildName, ReturnType<typeof operations>] => [
      name,
      operations(createBackend(name), shape, values),
    ]),
  );
  row([
    `${shape.join(" × ")}, N = ${batch}`,
    ...builds.map((name) => `${name} ms`),
    "simd GB/s",
    ...builds.slice(1).map((name) => `js : ${name}`),
  ]);
  for (const [label, [tensors]] of Object.entries(operations(createBackend("js"), shape, values))) {
    const times = compare(Object.fromEntries(builds.map((name) => [name, all.get(name)?.[label][1] ?? (() => {})])), {
      rounds,
    });
    row([
      label,
      ...builds.map((name) => times[name].toFixed(3)),
      ((tensors * size * 4) / times.simd / 1e6).toFixed(1),
      ...builds.slice(1).map((name) => `${(times.js / times[name]).toFixed(1)}×`),
    ]);
  }
}
