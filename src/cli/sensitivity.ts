/** `swat-sim sensitivity`: what may be dropped in which pass, by training with each and simulating its last step. */
import { type Command, Option } from "commander";
import { networks } from "../networks/index.ts";
import { sensitivityTable } from "../report/sensitivity/sensitivity.ts";
import { DROPS, type Drop, SWAT_DROPS } from "../sparsity/operand-masking.ts";
import { runSensitivity, type SensitivityPlan } from "../studies/sensitivity.ts";
import { defaultSchedule, TRAIN_DEFAULTS } from "../swat/settings.ts";
import { drops, integer, kernelBuild, networkName, numberIn, testImages, uniqueList } from "./options/options.ts";
import { listenForInterruption } from "./terminal/interruption.ts";
import { progressBar } from "./terminal/progress.ts";

const SPARSITIES = [0, 0.5, 0.7, 0.8, 0.9, 0.95];

interface SensitivityOptions {
  drop: Drop[][];
  sparsity: number[];
  seeds: number[];
  data: string;
  network: string;
  hw: string;
  epochs: number;
  batchSize: number;
  learningRate: number;
  topkPeriod: number;
  limit?: number;
  testLimit?: number;
  threads?: number;
  out: string;
  json?: true;
}

/** Adds its options and its action. */
export function addSensitivityCommand(command: Command): void {
  const d = TRAIN_DEFAULTS;
  command
    .addOption(
      new Option("--drop <list>", "a,b,…: one curve each; a+b is dropped together")
        .argParser(uniqueList(drops))
        .default([...DROPS.map((drop) => [drop]), [...SWAT_DROPS]], "each alone, and what SWAT drops"),
    )
    .option("--sparsity <list>", "shares to drop; 0 is dense training", uniqueList(numberIn(0, 1)), SPARSITIES)
    .option("--seeds <list>", "seeds, one repetition each", uniqueList(integer(0)), [d.seed])
    .option("--data <spec>", "a data set, as for train", "generated")
    .option("--network <name>", "a network, as for train", networkName, networks[0].name)
    .option("--hw <config>", "machine that the last step of each run is simulated on", "tensordash-4096")
    .option("--epochs <n>", "passes over the training images", integer(1), d.epochs)
    .option("--batch-size <n>", "images per step", integer(1), d.batchSize)
    .option("--learning-rate <rate>", "rate, a tenth of it in the last third", numberIn(0, Infinity, true), d.rate)
    .option("--topk-period <steps>", "steps between two refreshes of the top-k thresholds", integer(1), d.topKPeriod)
    .option("--limit <n>", "use the first n training images", integer(1))
    .option("--test-limit <n>", "use the first n test images (default: a fifth of --limit, else all)", integer(1))
    .option("--threads <count>", "worker threads; does not affect results (default: all cores)", integer(1))
    .option("-o, --out <dir>", "folder for runs, points, CSV, JSON and SVG", "out/sensitivity")
    .option("--json", "print one line of JSON for each point")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim sensitivity --data fashion-mnist:data/fashion-mnist --limit 10000 --epochs 2 --sparsity 0,0.7,0.9 \\
      --drop weights:forward,inputs:forward,weights:backward,inputs:backward,outputGrad:backward --seeds 1,2

Each run has the sparsity in all layers but the first. Running a study again with the same options trains only the missing
runs. Speed-ups are of the array alone, by zeros of the operands. --drop takes ${DROPS.join(", ")}.`,
    )
    .action(runStudy);
}

async function runStudy(options: SensitivityOptions): Promise<void> {
  const interruption = listenForInterruption();
  const bar = progressBar("study");
  try {
    const plan = planOf(options);
    const { points, planned, curves, files } = await runSensitivity(plan, {
      signal: interruption.signal,
      onProgress: (point, of, name, { step, steps }) => bar.update(point * steps + step, of * steps, `· ${name}`),
      onPoint: (point) => options.json && console.log(JSON.stringify(point)),
    });
    bar.stop();
    if (points.length < planned) {
      const kept = `${points.length} of ${planned} points are finished and kept in ${plan.out}`;
      console.error(`interrupted; ${kept}; the same command trains the others`);
      interruption.exit();
    } else if (!options.json) {
      console.log(sensitivityTable(curves));
      for (const file of files) console.log(file);
    }
  } finally {
    bar.stop();
    interruption.end();
  }
}

function planOf(options: SensitivityOptions): SensitivityPlan {
  const { data, network, hw, epochs, batchSize, topkPeriod: topKPeriod, limit, out } = options;
  const { method, sparsity, seed, rate, ...defaults } = TRAIN_DEFAULTS;
  const schedule = defaultSchedule(epochs, options.learningRate);
  const testLimit = testImages(options);
  const kernels = kernelBuild();
  return {
    drops: options.drop,
    sparsities: options.sparsity,
    seeds: options.seeds,
    settings: { ...defaults, epochs, batchSize, topKPeriod, schedule },
    data,
    network,
    hw,
    out,
    ...{ limit, testLimit, kernels, threads: options.threads },
  };
}
