/**
 * The main job in one go: trains a small ResNet with SWAT and densely on generated images, records a step of each, and
 * replays the sparse step on machines, with the dense one to tell what the method adds.
 */
import { join } from "node:path";
import { simulateFiles } from "../api/workers/simulate-threads.ts";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { InputError } from "../io/faults.ts";
import { type Lock, withLock } from "../io/run-lock.ts";
import { resultCsv } from "../report/csv.ts";
import { runTraining, type TrainingReport } from "../runs/run-training.ts";
import type { SimulationResult } from "../sim/result/result.ts";
import { defaultSchedule, TRAIN_DEFAULTS, type TrainSettings } from "../swat/settings.ts";
import type { TrainProgress } from "../swat/train.ts";

const DATA = "generated";
const NETWORK = "resnet8";
/** A multiple of the batch size, so that the last step is a whole one. */
const TRAIN_IMAGES = 1024;
const TEST_IMAGES = 500;
/** What the demo trains with. */
export type DemoMethod = "swat-u" | "dense";
/** Dense training only has to show what its tensors look like; one epoch does. */
const EPOCHS: Readonly<Record<DemoMethod, number>> = { "swat-u": 5, dense: 1 };

/** What the demo tells while it works. */
export interface DemoHooks {
  readonly onProgress?: (method: DemoMethod, progress: TrainProgress) => void;
  readonly onTrained?: (method: DemoMethod, report: TrainingReport) => void;
  readonly signal?: AbortSignal;
}

/** The comparison, and the files that are left in `out`. */
export interface DemoReport {
  readonly result: SimulationResult;
  readonly files: readonly string[];
}

/** Runs the demo. Deterministic in everything it writes. */
export async function runDemo(out: string, kernels: string | undefined, hooks: DemoHooks = {}): Promise<DemoReport> {
  return withLock(join(out, "demo.lock"), (lock) => trainAndCompare(out, kernels, lock, hooks));
}

async function trainAndCompare(
  out: string,
  kernels: string | undefined,
  lock: Lock,
  hooks: DemoHooks,
): Promise<DemoReport> {
  const training = async (method: DemoMethod): Promise<TrainingReport> => {
    const report = await runTraining(
      {
        data: DATA,
        network: NETWORK,
        limit: TRAIN_IMAGES,
        testLimit: TEST_IMAGES,
        settings: settingsOf(method),
        record: "last",
        out: join(out, method),
        kernels,
      },
      {
        onProgress: (progress) => hooks.onProgress?.(method, progress),
        ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
      },
    );
    hooks.onTrained?.(method, report);
    if (report.interrupted)
      throw new InputError([
        `interrupted after ${report.steps} steps of ${method}; ${join(out, method)} has the weights so far`,
      ]);
    return report;
  };
  const sparse = await training("swat-u");
  const dense = await training("dense");

  const result = await simulateFiles({ traces: sparse.traces, baselineTraces: dense.traces, hw: ["equal-peak"] });
  await lock.check();
  const [json, csv] = [join(out, "result.json"), join(out, "layers.csv")];
  await writeJsonFile(json, result);
  await writeFileAtomically(csv, resultCsv(result));
  return { result, files: [...sparse.files, ...dense.files, json, csv] };
}

function settingsOf(method: DemoMethod): TrainSettings {
  const { rate, ...defaults } = TRAIN_DEFAULTS;
  const sparsity = method === "dense" ? 0 : defaults.sparsity;
  const epochs = EPOCHS[method];
  return { ...defaults, method, sparsity, epochs, schedule: defaultSchedule(epochs, rate) };
}
