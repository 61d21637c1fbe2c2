/**
 * A whole training step (forward, backward, update, top-k), SWAT-U 90 % against dense of the same build, on the network of
 * the paper's CIFAR runs and a small one. Thresholds are refreshed in every step. Prints milliseconds of CPU and wall time,
 * medians of interleaved rounds, and ratios. `npx tsx bench/step.ts [build] [rounds] [threads] [network]`
 */

import { randomStream } from "../src/core/random.ts";
import { createBackend } from "../src/kernels/index.ts";
import { layersOf, type Network } from "../src/networks/graph.ts";
import { networkNamed } from "../src/networks/index.ts";
import { uniformSparsities } from "../src/sparsity/uniform.ts";
import { Model } from "../src/swat/model.ts";
import { median } from "./ratio.ts";

const build = process.argv[2] ?? "simd";
const rounds = Number(process.argv[3] ?? 5);
const threads = Number(process.argv[4] ?? 1);
const only = process.argv[5];
const SPARSITY = 0.9;
const SGD = { learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 5e-4 };

interface Subject {
  readonly network: Network;
  readonly batch: number;
}

const subjects: readonly Subject[] = [
  { network: networkNamed("resnet18").build([3, 32, 32], 10), batch: 32 },
  { network: networkNamed("resnet20").build([3, 32, 32], 10), batch: 128 },
].filter(({ network }) => only === undefined || network.name === only);

/** A step of a network with that sparsity of every layer but the first. */
function stepOf({ network, batch }: Subject, sparsity: number | null): () => number {
  const layers = layersOf(network).length;
  const exempt = { firstLayerDense: true, lastLayerDense: false };
  const sparsities =
    sparsity === null ? new Array<null>(layers).fill(null) : uniformSparsities(layers, sparsity, exempt);
  const model = new Model(network, batch, createBackend(build, threads), sparsities);
  model.initialise(1);
  randomStream(1, "bench", 0).fillUniform(model.pixels, -1, 1);
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % 10);
  return () => {
    model.forward(batch, { training: true, refresh: true });
    const loss = model.backward(batch, labels, 0);
    model.update(SGD);
    return loss;
  };
}

for (const subject of subjects) {
  const variants = { dense: stepOf(subject, null), swat: stepOf(subject, SPARSITY) };
  const wall: Record<string, number[]> = { dense: [], swat: [] };
  const cpu: Record<string, number[]> = { dense: [], swat: [] };
  for (let round = -2; round < rounds; round++) {
    for (const [name, step] of Object.entries(variants)) {
      const [before, start] = [process.cpuUsage(), performance.now()];
      step();
      const used = process.cpuUsage(before);
      if (round < 0) continue;
      wall[name].push(performance.now() - start);
      cpu[name].push((used.user + used.system) / 1000);
    }
  }
  const [dense, swat] = [median(cpu.dense), median(cpu.swat)];
  const rate = (ms: number) => `${((1000 * subject.batch) / ms).toFixed(1)} images/s`;
  console.log(`${subject.network.name}, batch ${subject.batch}, build ${build}, ${threads} threads`);
  console.log(`  dense   ${dense.toFixed(0)} ms CPU, ${median(wall.dense).toFixed(0)} ms, ${rate(median(wall.dense))}`);
  console.log(`  swat-u  ${swat.toFixed(0)} ms CPU, ${median(wall.swat).toFixed(0)} ms, ${rate(median(wall.swat))}`);
  console.log(
    `  dense : swat  ${(dense / swat).toFixed(2)} × CPU, ${(median(wall.dense) / median(wall.swat)).toFixed(2)} ×`,
  );
  console.log(`  resident memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
}
