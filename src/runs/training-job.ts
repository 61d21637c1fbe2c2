/** The order for a training run: by itself it decides every byte of the result, but for the folder and the threads. */
import type { TrainSettings } from "../swat/settings.ts";

/** What to train and where to leave it. */
export interface TrainingJob {
  readonly data: string;
  readonly network: string;
  /** Training and test images to use; all where not given. */
  readonly limit?: number | undefined;
  readonly testLimit?: number | undefined;
  readonly settings: TrainSettings;
  /** Kernel build; the default one where not given. */
  readonly kernels?: string | undefined;
  /** Threads of the SIMD builds; all cores where not given. Results are the same for any number. */
  readonly threads?: number | undefined;
  /** Steps to record, as `recordSelection` reads them; none where not given. */
  readonly record?: string | undefined;
  /** Steps from checkpoint to checkpoint, beside those after each epoch. */
  readonly checkpointEvery?: number | undefined;
  /** Epochs from evaluation to evaluation, each one where not given; the last is always evaluated. */
  readonly evaluateEvery?: number | undefined;
  /** Whether to also write the log as CSV. */
  readonly logCsv?: boolean | undefined;
  /** Folder for the files, made where it does not exist. */
  readonly out: string;
}
