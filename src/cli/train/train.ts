/** `swat-sim train`: trains a network and records steps as traces. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { InputError } from "../../io/faults.ts";
import { networks } from "../../networks/index.ts";
import { openRun, unfinishedRun } from "../../runs/checkpoint-file.ts";
import { runTraining } from "../../runs/run-training.ts";
import type { TrainingJob } from "../../runs/training-job.ts";
import { DROPS, SWAT_DROPS } from "../../sparsity/operand-masking.ts";
import { SHARE_AT, SHARE_BY, SHARINGS, type Sharing } from "../../sparsity/sharing.ts";
import { PRUNINGS } from "../../sparsity/structured.ts";
import { AUGMENTATIONS } from "../../swat/data/augment.ts";
import { EVALUATIONS } from "../../swat/layers/layer.ts";
import { RECORD_SELECTIONS, recordSelection } from "../../swat/record-selection.ts";
import { ADAMW_RATE, OPTIMIZERS, TRAIN_DEFAULTS } from "../../swat/settings.ts";
import type { TrainProgress } from "../../swat/train.ts";
import {
  chooseMethod,
  METHOD_MODULE,
  methodNames,
  methodOption,
  methodOptionsHelp,
  pruning,
} from "../options/method.ts";
import {
  drops,
  integer,
  kernelBuild,
  networkName,
  numberIn,
  oneOf,
  scheduleOrFile,
  setOf,
  testImages,
} from "../options/options.ts";
import { listenForInterruption } from "../terminal/interruption.ts";
import { progressBar } from "../terminal/progress.ts";
import { resumeCommand, resumedJob } from "./resume.ts";
import { type TrainOptions, trainSettings } from "./settings.ts";

const MILLI = 1e3;
const PERCENT = 100;

const HELP = `
Example:
  $ swat-sim train --data fashion-mnist:data/fashion-mnist --network resnet8 --method swat-u --sparsity 0.9 \\
      --limit 5000 --epochs 3 --record last --out out/fm
  $ swat-sim train --data cifar10:data --network resnet20 --method swat-m --sharing stable --augment crop,flip
  $ swat-sim train --data cifar10:data --network resnet20 --pruning 2:4 --method-option transposable=exact
  $ swat-sim train --data cifar10:data --network resnet20 --method rigl --sparsity 0.8 --method-option deltaT=50
  $ swat-sim train --schedule unstructured_momentum_resnet18_schedule_90.yaml --network resnet18 --data cifar10:data

A .yaml file gives the settings that it names; options on the command line override it. swat-er, swat-erk and swat-m share
the sparsity among layers: by the shape of channels, by that of the whole kernel, by momentum after every step.
swat-m as published may starve large layers; --sharing stable is --share-by size-weighted --share-growth 1.1
--share-at refresh --keep-filters, and each option can also be given by itself. See docs/swat-m.md.
nm trains with N:M weights (SR-STE), rigl drops and grows connections, topkast updates the largest weights, meprop drops
output gradients only. Their options:
${methodOptionsHelp()}
--drop takes ${DROPS.join(", ")}, joined by +; SWAT's is ${SWAT_DROPS.join("+")}.

Resume an interrupted run; the output is byte-identical to an uninterrupted run:
  $ swat-sim train --resume out/fm
Options that affect the result may not change; --threads, --checkpoint-every, --log-csv, --json and the folder of --data may.

Environment:
  SWAT_SIM_KERNELS=reference|js|simd|relaxed   kernel build (default simd, js where there is no WebAssembly SIMD;
                                               relaxed fuses multiply and add and rounds differently)`;

/** Adds its options and its action. */
export function addTrainCommand(command: Command): void {
  addRecipeOptions(command);
  addMethodDetailOptions(command);
  addRunOptions(command);
  command.addHelpText("after", HELP).action(runTrain);
}

/** Data, network, method and schedule. */
function addRecipeOptions(command: Command): void {
  const d = TRAIN_DEFAULTS;
  const names = networks.map(({ name }) => name);
  command
    .option(
      "--data <spec>",
      "generated (16x16x3), generated:HxWxC, fashion-mnist:DIR, mnist:DIR, cifar10:DIR, cifar100:DIR, images:DIR or images:DIR@SIDE",
      "generated",
    )
    .option("--network <name>", `${names.join(", ")} or wrnD-W`, networkName, names[0])
    .option("--method <name>", methodNames(), d.method)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option("--method-option <key=value...>", "options of the method, listed below", methodOption)
    .option(...METHOD_MODULE)
    .option(
      "--drop <operands>",
      "operands to drop in place of those of SWAT, as weights:forward+inputs:backward",
      drops,
    )
    .option(
      "--pruning <unit>",
      `${PRUNINGS.join(", ")}: the unit of convolutions that is pruned as a whole; or N:M, as 2:4, with method nm`,
      pruning,
      d.pruning,
    )
    .option("--topk-period <steps>", "steps between two refreshes of the top-k thresholds", integer(1), d.topKPeriod)
    .option("--warmup <epochs>", "epochs at the start that refresh in every step", integer(0), d.warmup)
    .addOption(new Option("--dense-first-layer", "keep the first layer dense (default with swat-u)"))
    .addOption(new Option("--sparse-first-layer", "sparsify the first layer").conflicts("denseFirstLayer"))
    .addOption(new Option("--dense-last-layer", "keep the last layer dense"))
    .addOption(new Option("--sparse-last-layer", "sparsify the last layer (default)").conflicts("denseLastLayer"))
    .option("--epochs <n>", "passes over the training images", integer(1), d.epochs)
    .option("--batch-size <n>", "images per step", integer(1), d.batchSize)
    .option(
      "--learning-rate <rate>",
      `rate, a tenth of it in the last third; ${ADAMW_RATE} is the default of adamw`,
      numberIn(0, Infinity, true),
      d.rate,
    )
    .option(
      "--schedule <schedule>",
      "epoch:rate,… instead, as 0:0.05,2:0.005; cosine: from --learning-rate to 0; or a .yaml file: a run of the SWAT authors",
      scheduleOrFile,
    )
    .option("--rate-warmup <epochs>", "epochs at the start over which the rate grows", integer(0), d.rateWarmup)
    .option("--optimizer <name>", "sgd, adamw", oneOf(["sgd", ...OPTIMIZERS] as const), "sgd")
    .option("--momentum <m>", "momentum of SGD, β₁ of AdamW", numberIn(0, 1), d.momentum)
    .option("--beta2 <b>", "β₂ of AdamW (default: 0.999)", numberIn(0, 1))
    .option("--nesterov", "Nesterov momentum")
    .option("--no-nesterov", "plain momentum (default)")
    .option(
      "--weight-decay <d>",
      "L2 decay of all parameters; with adamw, decoupled",
      numberIn(0, Infinity),
      d.weightDecay,
    )
    .option("--batch-norm-decay", "apply weight decay to batch norm (default)")
    .option("--no-batch-norm-decay", "exempt batch norm from weight decay")
    .option("--label-smoothing <e>", "share of the target spread over all classes", numberIn(0, 1), d.labelSmoothing);
}

/** How SWAT-M shares weights, what keeps filters alive, and evaluation. */
function addMethodDetailOptions(command: Command): void {
  const sharings = Object.keys(SHARINGS) as Sharing[];
  command
    .option("--sharing <rule>", "how swat-m shares weights among layers: authors (default), stable", oneOf(sharings))
    .option(
      "--share-by <quantity>",
      "share in proportion to mean momentum (mean) or times layer size (size-weighted)",
      oneOf(SHARE_BY),
    )
    .option(
      "--share-growth <factor>",
      "most by which a layer's weights grow or shrink from refresh to refresh (default: no bound)",
      numberIn(1, Infinity, true),
    )
    .option("--share-at <time>", "share after every step, or before a refresh only (refresh)", oneOf(SHARE_AT))
    .option("--keep-filters", "keep the largest weight of a filter that would lose all")
    .option("--no-keep-filters", "let filters lose all their weights (default)")
    .option(
      "--evaluation <densities>",
      "evaluate at the densities of the last step (last-step), or at those shared after it (authors)",
      oneOf(EVALUATIONS),
      TRAIN_DEFAULTS.evaluation,
    );
}

/** What is trained on, recorded, written and printed. */
function addRunOptions(command: Command): void {
  command
    .option("--seed <n>", "seed of weights, shuffling and generated images", integer(0), TRAIN_DEFAULTS.seed)
    .option(
      "--augment <list>",
      "vary training images: crop,flip or, of pictures, resized-crop,flip",
      setOf(AUGMENTATIONS),
    )
    .option("--limit <n>", "use the first n training images", integer(1))
    .option("--test-limit <n>", "use the first n test images (default: a fifth of --limit, else all)", integer(1))
    .option(
      "--record <steps>",
      `record ${RECORD_SELECTIONS} as traces: K of each phase and kind of step; steps count from 0`,
      selection,
    )
    .option("--threads <count>", "worker threads; does not affect results (default: all cores)", integer(1))
    .option("-o, --out <dir>", "folder for traces, weights, training.json, log.jsonl and checkpoints", "out/train")
    .option(
      "--checkpoint-every <steps>",
      "also save a checkpoint every n steps (default: after each epoch)",
      integer(1),
    )
    .option("--resume <path>", "resume the run in this folder, or from this checkpoint, with its settings")
    .option("--evaluate-every <epochs>", "epochs between two evaluations (default: 1; the last always)", integer(1))
    .option("--log-csv", "also write the log of epochs and recorded steps as log.csv")
    .option("--json", "print one JSON object at the end");
}

async function runTrain(options: TrainOptions, command: Command): Promise<void> {
  await chooseMethod(options, command);
  const saved = options.resume === undefined ? undefined : await openRun(options.resume);
  const job = saved === undefined ? await newJob(options, command) : await resumedJob(saved, options, command);
  const started = performance.now();
  const interruption = listenForInterruption();
  const bar = progressBar("training");
  const hooks = {
    signal: interruption.signal,
    onProgress: ({ step, steps, loss }: TrainProgress) => bar.update(step, steps, `· loss ${loss.toFixed(3)}`),
    onWarning: (text: string) => console.error(`warning: ${text}`),
  };
  try {
    const report = await runTraining(job, hooks, saved);
    bar.stop();
    const { testAccuracy, loss, epochs, files, traces, interrupted, steps } = report;
    if (job.record !== undefined && !interrupted && traces.length === 0) {
      console.error(`warning: --record names no step of this run: its steps are 0 to ${steps - 1}`);
    }
    const seconds = Math.round(performance.now() - started) / MILLI;
    if (interrupted) {
      console.error(`interrupted after ${steps} steps; resume with: ${resumeCommand(job.out)}`);
      interruption.exit();
    }
    if (options.json) console.log(JSON.stringify({ testAccuracy, loss, epochs, seconds, files }));
    else {
      const accuracy = `test accuracy ${(testAccuracy * PERCENT).toFixed(1)} %`;
      console.log(
        `${accuracy} · loss ${loss.toFixed(4)} · ${epochs} ${epochs === 1 ? "epoch" : "epochs"} · ${seconds.toFixed(1)} s`,
      );
      for (const file of files) console.log(file);
    }
  } finally {
    bar.stop();
    interruption.end();
  }
}

/** A run from the start. @throws Error where the folder holds an unfinished run, which would be lost. */
async function newJob(options: TrainOptions, command: Command): Promise<TrainingJob> {
  const { data, network, limit, threads, record, checkpointEvery, evaluateEvery, logCsv, out } = options;
  const settings = await trainSettings(options, command);
  const left = await unfinishedRun(out);
  if (left !== undefined) {
    const { run, state } = left.checkpoint;
    const stands = `${left.path}: is of an unfinished run, got ${state.stepsDone} of ${run.steps} steps`;
    throw new InputError([`${stands}; valid: ${resumeCommand(out)}, another --out, or remove the file`]);
  }
  const testLimit = testImages(options);
  const kernels = kernelBuild();
  const files = { record, checkpointEvery, evaluateEvery, logCsv, out };
  return { data, network, settings, limit, testLimit, kernels, threads, ...files };
}

function selection(text: string): string {
  try {
    recordSelection(text);
    return text;
  } catch {
    throw new InvalidArgumentError(`known: ${RECORD_SELECTIONS}.`);
  }
}
