/**
 * A whole training step (forward, backward, update, top-k), SWAT-U 90 % against dense of the same build, on the network of
 * the paper's CIFAR runs and a small one. Thresholds are refreshed in every step. Prints milliseconds of CPU and wall time,
 * medians of interleaved rounds, and ratios. Resident memory is that of the process: with a network and a variant (dense or
 * swat), of that one alone. `npx tsx bench/step.ts [build] [rounds] [threads] [network] [variant]`
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
const variant = process.argv[6];
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
  const sparsities = Object.entries({ dense: null, swat: SPARSITY }).filter(([name]) => (variant ?? name) === name);
  const variants = Object.fromEntries(sparsities.map(([name, sparsity]) => [name, stepOf(subject, sparsity)]));
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
  const rate = (ms: number) => `${((1000 * subject.batch) / ms).toFixed(1)} images/s`;
  console.log(`${subject.network.name}, batch ${subject.batch}, build ${build}, ${threads} threads`);
  for (const name of Object.keys(variants)) {
    const [used, taken] = [median(cpu[name]), median(wall[name])];
    console.log(`  ${name.padEnd(6)}  ${used.toFixed(0)} ms CPU, ${taken.toFixed(0)} ms, ${rate(taken)}`);
  }
  const ratio = (times: Record<string, number[]>) => (median(times.dense) / median(times.swat)).toFixed(2);
  if (variant === undefined) console.log(`  dense : swat  ${ratio(cpu)} × CPU, ${ratio(wall)} ×`);
  console.log(`  resident memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
}
