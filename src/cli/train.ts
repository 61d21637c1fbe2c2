/** `swat-sim train`: trains a network and records steps as traces. */
import { basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { networks } from "../networks/index.ts";
import { runTraining } from "../studies/run-training.ts";
import { recordSelection } from "../swat/record-selection.ts";
import { defaultSchedule, METHODS, type RateStep, TRAIN_DEFAULTS, type TrainSettings } from "../swat/settings.ts";
import { integer, kernelBuild, numberIn, oneOf, schedule } from "./options.ts";
import { progressBar } from "./progress.ts";

const TEST_SHARE = 5;
const MILLI = 1e3;
const PERCENT = 100;
const INTERRUPTED = 130;

interface TrainOptions {
  data: string;
  network: string;
  method: TrainSettings["method"];
  sparsity: number;
  topkPeriod: number;
  sparseFirstLayer?: true;
  denseLastLayer?: true;
  epochs: number;
  batchSize: number;
  learningRate: number;
  schedule?: RateStep[];
  momentum: number;
  nesterov?: true;
  weightDecay: number;
  labelSmoothing: number;
  seed: number;
  threads?: number;
  limit?: number;
  testLimit?: number;
  record?: (step: number, steps: number) => boolean;
  out: string;
  json?: true;
}

/** Adds the command. */
export function addTrainCommand(program: Command): void {
  const d = TRAIN_DEFAULTS;
  const names = networks.map(({ name }) => name);
  program
    .command("train")
    .description("Train a network, densely or with SWAT, and record steps as traces.")
    .option(
      "--data <spec>",
      "generated (16x16x3), generated:HxWxC, fashion-mnist:DIR, mnist:DIR or cifar10:DIR",
      "generated",
    )
    .option("--network <name>", names.join(" or "), oneOf(names), names[0])
    .option("--method <name>", METHODS.join(" or "), oneOf(METHODS), d.method)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option("--topk-period <steps>", "steps between two refreshes of the top-k thresholds", integer(1), d.topKPeriod)
    .option("--sparse-first-layer", "sparsify the first layer too")
    .option("--dense-last-layer", "keep the last layer dense")
    .option("--epochs <n>", "passes over the training images", integer(1), d.epochs)
    .option("--batch-size <n>", "images a step", integer(1), d.batchSize)
    .option("--learning-rate <rate>", "rate, a tenth of it in the last third", numberIn(0, Infinity, true), d.rate)
    .option("--schedule <epoch:rate,…>", "step schedule instead, as 0:0.05,2:0.005", schedule)
    .option("--momentum <m>", "momentum of SGD", numberIn(0, 1), d.momentum)
    .option("--nesterov", "Nesterov momentum")
    .option("--weight-decay <d>", "L2 decay of all parameters", numberIn(0, Infinity), d.weightDecay)
    .option("--label-smoothing <e>", "share of the target spread over all classes", numberIn(0, 1), d.labelSmoothing)
    .option("--seed <n>", "seed of weights, shuffling and generated images", integer(0), d.seed)
    .option("--limit <n>", "use the first n training images", integer(1))
    .option("--test-limit <n>", "use the first n test images (default: a fifth of --limit, else all)", integer(1))
    .option("--record <steps>", "record last, every:N or steps:A,B,… as traces; steps count from 0", selection)
    .option("--threads <count>", "threads to train on, with the same result (default: all cores)", integer(1))
    .option("--out <dir>", "folder for traces, weights and training.json", "out/train")
    .option("--json", "print one JSON object at the end")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim train --data fashion-mnist:data/fashion-mnist --network resnet8 --method swat-u --sparsity 0.9 \\
      --limit 5000 --epochs 3 --record last --out out/fm

Environment:
  SWAT_SIM_KERNELS=reference|js|simd|relaxed   kernel build (default simd, js where there is no WebAssembly SIMD;
                                               relaxed fuses multiply and add and rounds differently)`,
    )
    .action(runTrain);
}

async function runTrain(options: TrainOptions): Promise<void> {
  const started = performance.now();
  const abort = new AbortController();
  const onInterrupt = () => abort.abort();
  process.once("SIGINT", onInterrupt);
  const bar = progressBar("training");
  const { limit, record } = options;
  const kernels = kernelBuild();
  const testLimit =
    options.testLimit ?? (limit === undefined ? undefined : Math.max(1, Math.floor(limit / TEST_SHARE)));
  try {
    const report = await runTraining(
      {
        data: options.data,
        network: options.network,
        settings: settingsOf(options),
        out: options.out,
        ...(limit === undefined ? {} : { limit }),
        ...(testLimit === undefined ? {} : { testLimit }),
        ...(record === undefined ? {} : { records: record }),
        ...(kernels === undefined ? {} : { kernels }),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      },
      {
        signal: abort.signal,
        onProgress: ({ step, steps, loss }) => bar.update(step, steps, `· loss ${loss.toFixed(3)}`),
      },
    );
    bar.stop();
    const { testAccuracy, loss, epochs, files, interrupted, steps } = report;
    if (record !== undefined && !interrupted && !files.some((file) => basename(file).startsWith("step-"))) {
      console.error(`warning: --record names no step of this run: its steps are 0 to ${steps - 1}`);
    }
    const seconds = Math.round(performance.now() - started) / MILLI;
    if (interrupted) {
      console.error(`interrupted after ${steps} steps; what was learned so far is saved in ${options.out}`);
      process.exitCode = INTERRUPTED;
    }
    if (options.json) console.log(JSON.stringify({ testAccuracy, loss, epochs, seconds, files }));
    else {
      const accuracy = `test accuracy ${(testAccuracy * PERCENT).toFixed(1)} %`;
      console.log(`${accuracy} · loss ${loss.toFixed(4)} · ${epochs} epochs · ${seconds.toFixed(1)} s`);
      for (const file of files) console.log(file);
    }
  } finally {
    bar.stop();
    process.removeListener("SIGINT", onInterrupt);
  }
}

function selection(text: string): ReturnType<typeof recordSelection> {
  try {
    return recordSelection(text);
  } catch {
    throw new InvalidArgumentError("known: last, every:N, steps:A,B,….");
  }
}

function settingsOf(options: TrainOptions): TrainSettings {
  const { method, sparsity, epochs, batchSize, momentum, weightDecay, labelSmoothing, seed } = options;
  return {
    method,
    sparsity: method === "dense" ? 0 : sparsity,
    topKPeriod: options.topkPeriod,
    firstLayerDense: !options.sparseFirstLayer,
    lastLayerDense: options.denseLastLayer ?? false,
    epochs,
    batchSize,
    schedule: options.schedule ?? defaultSchedule(epochs, options.learningRate),
    momentum,
    nesterov: options.nesterov ?? false,
    weightDecay,
    labelSmoothing,
    seed,
  };
}
