/** Training as a verb of the library: what is not given is filled in, as by `swat-sim train`, and settings are checked. */
import { type Schema, Type } from "../core/input/schema.ts";
import { faultCollector, InputError, refusing } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import { checkArgument } from "../io/verb.ts";
import { networks } from "../networks/index.ts";
import { openRun } from "../runs/checkpoint-file.ts";
import { runTraining, type TrainingHooks, type TrainingReport } from "../runs/run-training.ts";
import type { TrainingJob } from "../runs/training-job.ts";
import { type TrainSettings, trainSettings } from "../swat/settings.ts";
import { checkHooks, checkOptions } from "./request.ts";

/** What to train and where to leave it. */
export interface TrainingOptions extends Omit<TrainingJob, "data" | "network" | "settings"> {
  /** As `--data` of the command line; generated images where not given. */
  readonly data?: string;
  /** Name of a network; the smallest where not given. */
  readonly network?: string;
  readonly settings?: Partial<TrainSettings>;
}

const count = Type.Optional(Type.Integer({ minimum: 1 }));
const text = Type.Optional(Type.String());
const FIELDS = {
  ...{ data: text, network: text, kernels: text, record: text },
  ...{ limit: count, testLimit: count, threads: count, checkpointEvery: count, evaluateEvery: count },
  logCsv: Type.Optional(Type.Boolean()),
  /** Checked by themselves. */
  settings: Type.Optional(Type.Unknown()),
  out: Type.String(),
} satisfies Record<keyof TrainingOptions, Schema>;
const OptionsSchema = Type.Object(FIELDS, { additionalProperties: false });
precompiled(OptionsSchema);

/**
 * Trains, and leaves traces, a log, checkpoints, weights and a summary in the folder `out`; files of another run
 * there are removed. A signal stops after the current step: the report then says `interrupted`, and `resumeTraining` resumes it.
 * @throws InputError for invalid settings and names, and for unreadable data; DivergenceError for a NaN or infinite loss.
 */
export async function train(options: TrainingOptions, hooks: TrainingHooks = {}): Promise<TrainingReport> {
  const { faults, attempt } = faultCollector();
  attempt(() => checkOptions(OptionsSchema, options, "train"));
  attempt(() => checkHooks(hooks, "train"));
  const settings = attempt(() => refusing("train", () => trainSettings(options?.settings)));
  if (faults.length > 0 || settings === undefined) throw new InputError(faults);
  const { data = "generated", network = networks[0].name, ...job } = options;
  return runTraining({ ...job, data, network, settings }, hooks);
}

/**
 * Resumes the run in the folder `path`, or of the checkpoint `path`; its files are byte-identical to those of an uninterrupted
 * run. @throws InputError where it cannot be read, or its data is gone.
 */
export async function resumeTraining(path: string, hooks: TrainingHooks = {}): Promise<TrainingReport> {
  checkArgument("resumeTraining", path, { what: "a path", is: (value) => typeof value === "string" });
  checkHooks(hooks, "resumeTraining");
  const saved = await openRun(path);
  return runTraining(saved.job, hooks, saved);
}
