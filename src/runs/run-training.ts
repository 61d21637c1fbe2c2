/** A training run with its files: loads the data, trains, and leaves traces, a log, checkpoints, weights and a summary in a folder. */
import { join } from "node:path";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { InputError } from "../io/faults.ts";
import { fileVersion } from "../io/read-file.ts";
import { withLock } from "../io/run-lock.ts";
import { createBackend } from "../kernels/index.ts";
import { networkNamed } from "../networks/index.ts";
import type { DataSplits } from "../swat/data/dataset.ts";
import { loadData } from "../swat/data/index.ts";
import type { Model } from "../swat/model.ts";
import { recordSelection } from "../swat/record-selection.ts";
import type { TrainSettings } from "../swat/settings.ts";
import { weightsOf } from "../swat/state.ts";
import { StepPlan } from "../swat/step-plan.ts";
import { prepareTraining, type TrainHooks, type TrainOutcome } from "../swat/train.ts";
import { encodeContainer } from "../trace/safetensors.ts";
import { CHECKPOINT, checkData, checkUnchanged, lockPath, type SavedRun } from "./checkpoint-file.ts";
import { openRunFiles, type RunFiles } from "./run-files.ts";
import { runIdOf } from "./run-id.ts";
import type { TrainingJob } from "./training-job.ts";

/** What a run ended with; `files` are the paths it wrote. */
export interface TrainingReport {
  readonly testAccuracy: number;
  /** Mean training loss of the last epoch. */
  readonly loss: number;
  /** Epochs that were finished. */
  readonly epochs: number;
  readonly steps: number;
  readonly interrupted: boolean;
  readonly files: readonly string[];
  /** Those of them that are recorded steps. */
  readonly traces: readonly string[];
}

/** What a run may be told beside its job. */
export type TrainingHooks = Pick<TrainHooks, "onProgress" | "onWarning" | "signal">;

/**
 * Runs a job, or resumes it from `saved`; both end with the same files, but for speeds in the log. What lies in the
 * folder from another run is removed when a new one begins; a run that cannot begin leaves it as it is.
 * @throws Error for unknown names, unreadable data, a loss that is no number, and a state that does not fit network and data.
 */
export async function runTraining(
  job: TrainingJob,
  hooks: TrainingHooks = {},
  saved?: SavedRun,
): Promise<TrainingReport> {
  const { settings, limit, testLimit, record, checkpointEvery, evaluateEvery, logCsv = false } = job;
  if (job.out === "") throw new InputError(["out: must name a folder, got an empty text"]);
  const checkpoint = join(job.out, CHECKPOINT);
  const before = saved ?? { path: checkpoint, version: await fileVersion(checkpoint) };
  const records = record === undefined ? {} : { records: recordSelection(record) };
  const definition = networkNamed(job.network);
  const data = await loadData(job.data, { seed: settings.seed, limit, testLimit });
  const { channels, height, width, classes } = data.train;
  const images = { train: data.train.size, test: data.test.size, channels, height, width, classes };
  if (saved !== undefined) checkData(job.data, images, saved);
  const network = definition.build([channels, height, width], classes);
  const backend = createBackend(job.kernels, job.threads);
  try {
    return await withLock(lockPath(job.out), async (lock) => {
      const { network: name, data: spec } = job;
      const options = { limit, testLimit, record, checkpointEvery, evaluateEvery, logCsv };
      const description = { network: name, data: spec, images, settings, kernels: backend.name, ...options };
      await checkUnchanged(before);
      // Nothing is written or removed for a run that cannot begin.
      const resume = saved && { state: saved.checkpoint.state, where: saved.path };
      const run = prepareTraining(network, data, settings, backend, resume);
      const id = runIdOf({
        network: name,
        dataset: data.name,
        images,
        settings,
        kernels: backend.name,
        record,
        evaluateEvery,
      });
      const files = await openRunFiles({ out: job.out, id, description, saved, lock }, hooks.onWarning ?? (() => {}));
      await files.begin({ event: "run", ...runOf(settings, data) });
      const outcome = await run({
        ...hooks,
        ...records,
        run: id,
        checkpointEvery,
        evaluateEvery,
        onProgress(progress) {
          files.log.step(progress.images);
          hooks.onProgress?.(progress);
        },
        onEvent: (event) => files.append(event),
        onTrace: (step, bytes) => files.writeTrace(step, bytes),
        onCheckpoint: (state, steps) => files.writeCheckpoint(state, steps),
      }).catch((cause: Error) => {
        throw files.explain(cause);
      });
      return await writeResults(job, data, outcome, files);
    });
  } finally {
    backend.close();
  }
}

/** What a run is made of. */
function runOf(settings: TrainSettings, { train, test }: DataSplits) {
  const { steps, strata } = new StepPlan(settings, train.size);
  return { steps, batchSize: settings.batchSize, testImages: test.size, strata };
}

/** Writes weights and summary. */
async function writeResults(
  { network, settings, out }: TrainingJob,
  data: DataSplits,
  outcome: TrainOutcome,
  files: RunFiles,
): Promise<TrainingReport> {
  const { model, testAccuracy, finalPruning, epochLosses, health, stepsDone, steps } = outcome;
  await files.checkOwned();
  const weights = join(out, "weights.safetensors");
  await writeFileAtomically(weights, weightsFile(model, network, stepsDone, files.id));
  const summary = join(out, "training.json");
  await writeJsonFile(summary, {
    run: files.id,
    network,
    data: data.name,
    images: { train: data.train.size, test: data.test.size },
    kernels: model.backend.name,
    settings,
    steps,
    stepsDone,
    ...(stepsDone < steps ? { interrupted: true } : {}),
    epochLosses,
    testAccuracy,
    weightHealth: health,
    finalPruning,
  });
  await files.log.writeCsv();
  return {
    testAccuracy,
    loss: epochLosses.at(-1) ?? Number.NaN,
    epochs: Math.floor((stepsDone * settings.epochs) / steps),
    steps: stepsDone,
    interrupted: stepsDone < steps,
    traces: files.traces,
    files: [...files.traces, weights, summary, ...files.log.files, files.checkpoint],
  };
}

/** Parameters and running statistics, as they stand. */
function weightsFile(model: Model, network: string, stepsDone: number, run: string): Uint8Array {
  return encodeContainer(
    weightsOf(model).map(({ name, shape, values }) => ({ name, shape, data: values })),
    { network, step: String(stepsDone), run },
  );
}
