/** A training run with its files: loads the data, trains, and leaves traces, weights and a summary in a folder. */
import { join } from "node:path";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { createBackend } from "../kernels/index.ts";
import { networkNamed } from "../networks/index.ts";
import { loadData } from "../swat/data/index.ts";
import type { Model } from "../swat/model.ts";
import type { TrainSettings } from "../swat/settings.ts";
import { type TrainHooks, train } from "../swat/train.ts";
import { encodeContainer } from "../trace/safetensors.ts";

const STEP_DIGITS = 6;

/** What to train and where to leave it. */
export interface TrainingJob {
  readonly data: string;
  readonly network: string;
  /** Training and test images to use; all where not given. */
  readonly limit?: number;
  readonly testLimit?: number;
  readonly settings: TrainSettings;
  /** Kernel build; the default one where not given. */
  readonly kernels?: string;
  /** Threads of the SIMD builds; all cores where not given. Results are the same for any number. */
  readonly threads?: number;
  readonly records?: (step: number, steps: number) => boolean;
  /** Folder for the files, made where it does not exist. */
  readonly out: string;
}

/** What a run ended with; `files` are the paths it wrote. */
export interface TrainingReport {
  readonly testAccuracy: number;
  /** Mean training loss of the last epoch. */
  readonly loss: number;
  /** Epochs that were finished. */
  readonly epochs: number;
  readonly steps: number;
  readonly interrupted: boolean;
  readonly files: string[];
}

/** Runs a job. @throws Error for unknown names, unreadable data, or a loss that is no number. */
export async function runTraining(
  job: TrainingJob,
  hooks: Pick<TrainHooks, "onProgress" | "signal"> = {},
): Promise<TrainingReport> {
  const { settings, limit, out } = job;
  const definition = networkNamed(job.network);
  const backend = createBackend(job.kernels, job.threads);
  const data = await loadData(job.data, {
    seed: settings.seed,
    ...(limit === undefined ? {} : { limit }),
    ...(job.testLimit === undefined ? {} : { testLimit: job.testLimit }),
  });
  const { channels, height, width, classes } = data.train;
  const network = definition.build([channels, height, width], classes);
  const files: string[] = [];
  const weights = join(out, "weights.safetensors");
  const saveWeights = (model: Model, stepsDone: number) =>
    writeFileAtomically(weights, weightsFile(model, network.name, stepsDone));
  const outcome = await train(network, data, settings, backend, {
    ...hooks,
    onEpoch: saveWeights,
    ...(job.records === undefined ? {} : { records: job.records }),
    async onTrace(step, bytes) {
      const path = join(out, `step-${String(step).padStart(STEP_DIGITS, "0")}.safetensors`);
      await writeFileAtomically(path, bytes);
      files.push(path);
    },
  }).finally(() => backend.close());

  const { model, testAccuracy, finalPruning, epochLosses, stepsDone, steps } = outcome;
  await saveWeights(model, stepsDone);
  const summary = join(out, "training.json");
  const images = { train: data.train.size, test: data.test.size };
  const { network: networkName } = job;
  await writeJsonFile(summary, {
    network: networkName,
    data: data.name,
    images,
    kernels: backend.name,
    settings,
    steps,
    stepsDone,
    epochLosses,
    testAccuracy,
    finalPruning,
  });
  files.push(weights, summary);
  return {
    testAccuracy,
    loss: epochLosses.at(-1) ?? Number.NaN,
    epochs: Math.floor((stepsDone * settings.epochs) / steps),
    steps: stepsDone,
    interrupted: stepsDone < steps,
    files,
  };
}

/** Parameters and running statistics, as they stand. */
function weightsFile(model: Model, network: string, stepsDone: number): Uint8Array {
  const buffers = model.layers.flatMap((layer) => layer.buffers);
  const tensors = [...model.parameters, ...buffers.map((buffer) => ({ ...buffer, shape: [buffer.values.length] }))];
  return encodeContainer(
    tensors.map(({ name, shape, values }) => ({ name, shape, data: values })),
    { network, step: String(stepsDone) },
  );
}
