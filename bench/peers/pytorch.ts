/**
 * A whole training step on one thread: dense in PyTorch, dense and SWAT-U 90 % (Raihan & Aamodt 2020; thresholds
 * refreshed in every step) in the SIMD builds, on the residual networks of the paper's CIFAR runs and a small one. PyTorch
 * runs in both of its layouts, and ratios are against the faster one. Interleaved rounds; prints medians of CPU and wall
 * time of the gradients alone (forward, loss, backward) and of the whole step. Needs Debian's python3-torch, or another.
 * `npx tsx bench/peers/pytorch.ts [rounds] [network]`
 */

import { randomStream } from "../../src/core/random.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import type { BuildName } from "../../src/kernels/kernels.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { uniformSparsities } from "../../src/sparsity/uniform.ts";
import { Model } from "../../src/swat/model.ts";
import { median } from "../ratio.ts";
import { type Pytorch, type StepTimes, startPytorch, type Times } from "./python.ts";

const rounds = Number(process.argv[2] ?? 7);
const only = process.argv[3];
const WARM_UP_ROUNDS = 3;
const SPARSITY = 0.9;
const CLASSES = 10;
const SGD = { learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 5e-4 };
const IMAGE = [3, 32, 32] as const;

interface Subject {
  readonly name: string;
  /** Blocks and width of each stage, as the other program is told. */
  readonly blocks: readonly number[];
  readonly widths: readonly number[];
  readonly batch: number;
}

const subjects: readonly Subject[] = [
  { name: "resnet18", blocks: [2, 2, 2, 2], widths: [64, 128, 256, 512], batch: 32 },
  { name: "resnet20", blocks: [3, 3, 3], widths: [16, 32, 64], batch: 128 },
].filter(({ name }) => only === undefined || name === only);

/** One way to train a step. */
interface Variant {
  readonly name: string;
  step(): StepTimes | Promise<StepTimes>;
}

/** Our step of a network with that sparsity of every layer but the first, null for dense. */
function ourStep(subject: Subject, build: BuildName, sparsity: number | null): Variant & { parameters: number } {
  const { name, batch } = subject;
  const network = networkNamed(name).build(IMAGE, CLASSES);
  const layers = layersOf(network).length;
  const exempt = { firstLayerDense: true, lastLayerDense: false };
  const sparsities =
    sparsity === null ? new Array<null>(layers).fill(null) : uniformSparsities(layers, sparsity, exempt);
  const model = new Model(network, batch, createBackend(build, 1), sparsities);
  model.initialise(1);
  randomStream(1, "bench", 0).fillUniform(model.pixels, -1, 1);
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % CLASSES);
  return {
    name: `${build} ${sparsity === null ? "dense" : `SWAT-U ${100 * sparsity} %`}`,
    parameters: model.parameters.reduce((sum, { values }) => sum + values.length, 0),
    step: () => ({
      gradients: timesOf(() => {
        model.forward(batch, { training: true, refresh: true });
        model.backward(batch, labels, 0);
      }),
      update: timesOf(() => model.update(SGD)),
    }),
  };
}

/** PyTorch's step of the same network. @throws Error when it has another number of parameters. */
function pytorchStep(pytorch: Pytorch, subject: Subject, channelsLast: boolean, parameters: number): Variant {
  const { blocks, widths, batch } = subject;
  const { learningRate, momentum, weightDecay } = SGD;
  return {
    name: `PyTorch dense${channelsLast ? ", channels last" : ""}`,
    async step() {
      const times = await pytorch.step({ blocks, widths, batch, channelsLast, learningRate, momentum, weightDecay });
      if (times.parameters !== parameters) {
        throw new Error(`pytorch_step.py: parameters of ${subject.name}, got ${times.parameters}; ours: ${parameters}`);
      }
      return times;
    },
  };
}

function timesOf(run: () => void): Times {
  const [before, start] = [process.cpuUsage(), performance.now()];
  run();
  const [{ user, system }, end] = [process.cpuUsage(before), performance.now()];
  return { wall: end - start, cpu: (user + system) / 1000 };
}

/** Medians of the gradients and of the whole step, of each variant. */
async function measure(variants: readonly Variant[]): Promise<Record<"gradients" | "step", Times>[]> {
  const all: StepTimes[][] = variants.map(() => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [i, variant] of variants.entries()) {
      const times = await variant.step();
      if (round >= 0) all[i].push(times);
    }
  }
  return all.map((list) => {
    const of = (clock: keyof Times, withUpdate: boolean) =>
      median(list.map(({ gradients, update }) => gradients[clock] + (withUpdate ? update[clock] : 0)));
    return {
      gradients: { wall: of("wall", false), cpu: of("cpu", false) },
      step: { wall: of("wall", true), cpu: of("cpu", true) },
    };
  });
}

const row = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(16))).join(""));

/** Measures a network and prints its table and ratios. */
async function report(pytorch: Pytorch, subject: Subject, builds: readonly BuildName[]): Promise<void> {
  const ours = builds.flatMap((build) => [ourStep(subject, build, null), ourStep(subject, build, SPARSITY)]);
  const theirs = [false, true].map((last) => pytorchStep(pytorch, subject, last, ours[0].parameters));
  const variants = [...theirs, ...ours];
  const medians = await measure(variants);

  console.log(`\n${subject.name}, batch ${subject.batch}, one thread, medians of ${rounds} rounds`);
  row(["", "gradients CPU", "wall", "step CPU", "wall", "images/s (CPU)"]);
  for (const [i, { gradients, step }] of medians.entries()) {
    const times = [gradients.cpu, gradients.wall, step.cpu, step.wall].map((ms) => `${ms.toFixed(0)} ms`);
    row([variants[i].name, ...times, ((1000 * subject.batch) / step.cpu).toFixed(1)]);
  }
  row(["ratios of times", "gradients CPU", "wall", "step CPU", "wall"]);
  for (const [i, build] of builds.entries()) {
    const [dense, swat] = [theirs.length + 2 * i, theirs.length + 2 * i + 1];
    const ratios = (name: string, upper: readonly number[], lower: number) => {
      const of = (part: "gradients" | "step", clock: keyof Times) =>
        `${(Math.min(...upper.map((u) => medians[u][part][clock])) / medians[lower][part][clock]).toFixed(2)}×`;
      row([name, of("gradients", "cpu"), of("gradients", "wall"), of("step", "cpu"), of("step", "wall")]);
    };
    ratios(`PyTorch dense : ${build} SWAT`, [0, 1], swat);
    ratios(`${build} dense : ${build} SWAT`, [dense], swat);
    ratios(`PyTorch dense : ${build} dense`, [0, 1], dense);
  }
}

const pytorch = await startPytorch();
if (pytorch === null) {
  console.log("skipped: no python3 with PyTorch here (Debian and Ubuntu: apt-get install python3-torch)");
} else {
  const limit = process.env.DNNL_MAX_CPU_ISA;
  console.log(`PyTorch ${pytorch.version}${limit === undefined ? "" : `, its convolutions limited to ${limit}`}`);
  console.log("ratios are of times: above 1 what stands on the right is faster");
  const builds = (["simd", "relaxed"] as const).filter(isSupported);
  for (const subject of subjects) await report(pytorch, subject, builds);
  pytorch.end();
}
