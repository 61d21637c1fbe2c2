/** Training in vectors: the same bytes on any number of threads, and no memory taken after the first step. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { randomStream } from "../../src/core/random.ts";
import type { Backend } from "../../src/kernels/backend.ts";
import { isSupported } from "../../src/kernels/index.ts";
import { createSimdBackend } from "../../src/kernels/wasm/backend.ts";
import { createRunner } from "../../src/kernels/wasm/run/runner.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { Model } from "../../src/swat/model.ts";

const BATCH = 6;
const SGD = { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-3 };

function modelOn(backend: Backend): Model {
  const network = networkNamed("resnet8").build([3, 8, 9], 10);
  const sparsities = layersOf(network).map((_, index) => (index === 0 ? null : 0.8));
  const model = new Model(network, BATCH, backend, sparsities);
  model.initialise(3);
  return model;
}

/** One step; every third one refreshes the thresholds and every second one has fewer images. */
function step(model: Model, index: number): number {
  const batch = index % 2 === 0 ? BATCH : BATCH - 2;
  randomStream(5, "images", index).fillUniform(model.pixels, -1, 1);
  model.forward(batch, { training: true, refresh: index % 3 === 0 });
  const loss = model.backward(
    batch,
    Uint8Array.from({ length: batch }, (_, i) => (i + index) % 10),
    0.1,
  );
  model.update(SGD);
  return loss;
}

function run(threads: number): unknown[] {
  const model = modelOn(createSimdBackend(createRunner("simd", threads)));
  const losses = Array.from({ length: 8 }, (_, index) => step(model, index));
  const parameters = model.parameters.map(({ values }) => Array.from(values));
  const buffers = model.layers.flatMap((layer) => layer.buffers.map(({ values }) => Array.from(values)));
  return [losses, parameters, buffers];
}

/** What JavaScript holds once garbage is collected. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.skipIf(!isSupported("simd"))("a model on the simd build", () => {
  it("learns the same on 1, 2, 3 and 4 threads, bit by bit", () => {
    const alone = run(1);
    for (const threads of [2, 3, 4]) expect(run(threads)).toEqual(alone);
  });

  it("never mixes one job with the next, over thousands of short ones of different shapes", () => {
    const backend = createSimdBackend(createRunner("simd", 4));
    const sizes = [3, 700, 40, 9, 260];
    const jobs = sizes.map((size) => {
      const tensors = [0, 1, 2].map(() => backend.tensor([1, size, 1], 1, [0, 0]));
      const values = Float32Array.from({ length: size }, (_, i) => i + size);
      backend.write(tensors[0], 1, values);
      backend.write(tensors[1], 1, values);
      return { tensors, sum: values.map((value) => 2 * value), result: new Float32Array(size) };
    });
    for (let round = 0; round < 4000; round++) {
      const { tensors, sum, result } = jobs[round % jobs.length];
      backend.add(1, tensors[0], tensors[1], tensors[2]);
      if (round % 7 !== 0) continue;
      backend.read(tensors[2], 1, result);
      expect(result).toEqual(sum);
    }
  });

  it("works with more threads than there are chunks to number, and after its helpers have ended", () => {
    const backend = createSimdBackend(createRunner("simd", 260));
    const tensors = [0, 1].map(() => backend.tensor([1, 3000, 1], 1, [0, 0]));
    const values = Float32Array.from({ length: 3000 }, (_, i) => i - 1500);
    const result = new Float32Array(3000);
    for (const ended of [false, true]) {
      if (ended) backend.close();
      backend.write(tensors[0], 1, values);
      backend.relu(1, tensors[0], tensors[1], null);
      backend.read(tensors[1], 1, result);
      expect(result).toEqual(values.map((value) => Math.max(value, 0)));
    }
  });

  it("takes no memory after the first steps, over 200 steps", () => {
    const runner = createRunner("simd", 2);
    const model = modelOn(createSimdBackend(runner));
    for (let index = 0; index < 60; index++) step(model, index);
    const bytes = runner.memory.buffer.byteLength;
    const held = heldBytes();
    const next = runner.allocate(0);
    for (let index = 60; index < 260; index++) step(model, index);
    expect(runner.allocate(0)).toBe(next);
    expect(runner.memory.buffer.byteLength).toBe(bytes);
    expect(heldBytes()).toBeLessThan(held + 2 ** 18);
  });
});
