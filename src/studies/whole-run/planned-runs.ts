/** The runs of a study: those that it trains, method by method and seed by seed, and those that were made elsewhere. */
import { basename, join, normalize } from "node:path";
import { InputError, within } from "../../io/faults.ts";
import type { TrainingJob } from "../../runs/training-job.ts";
import { trainSettings } from "../../swat/settings.ts";
import { type ElsewhereSpec, type StudySpec, studiedMethods, type TrainSpec } from "./spec.ts";

const DEFAULT_RECORD = "stratified:4";
/** Training images for each test image where only the former are limited. */
const TRAINING_PER_TEST = 5;

/** A run before it is read. */
export interface PlannedRun {
  /** Of its files, and in the result. */
  readonly name: string;
  /** Where its traces and its accuracies will be. */
  readonly files: ElsewhereSpec;
  /** How to train it; undefined for one that is finished. */
  readonly job: TrainingJob | undefined;
}

/** All runs, in the order of the result. @throws InputError for settings that are refused, and two runs of one name. */
export function plannedRuns(
  spec: StudySpec,
  out: string,
  given: Pick<TrainingJob, "kernels" | "threads">,
): PlannedRun[] {
  const trained = spec.train === undefined ? [] : trainedRuns(spec.train, join(out, "runs"), given);
  const elsewhere = (spec.runs ?? []).map((files) => ({ name: nameOf(files), files, job: undefined }));
  const runs = [...trained, ...elsewhere];
  const names = runs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InputError([`runs: two are named ${twice}; valid: methods and folders with different names`]);
  return runs;
}

function trainedRuns(train: TrainSpec, folder: string, build: Pick<TrainingJob, "kernels" | "threads">): PlannedRun[] {
  const { network, data, limit, seeds, record = DEFAULT_RECORD, evaluateEvery } = train;
  const testLimit =
    train.testLimit ?? (limit === undefined ? undefined : Math.max(1, Math.floor(limit / TRAINING_PER_TEST)));
  return studiedMethods(train).flatMap(({ method, name: label, sparsities, settings }, i) =>
    (sparsities ?? [undefined]).flatMap((given) =>
      seeds.map((seed): PlannedRun => {
        const asked = { ...settings, method, seed, ...(given === undefined ? {} : { sparsity: given }) };
        const all = within(`train.methods.${i}`, () => trainSettings(asked));
        const sparsity = method === "dense" ? {} : { sparsity: all.sparsity };
        const parts = [label.replaceAll(/[^\w.-]/g, "-"), ...Object.values(sparsity), `seed${seed}`];
        const name = parts.join("_");
        const traces = join(folder, name);
        const files = { traces, method: label, seed, ...sparsity };
        const job = { network, data, limit, testLimit, settings: all, record, evaluateEvery, out: traces, ...build };
        return { name, files, job };
      }),
    ),
  );
}

/** The last two folders of a path: those of several runs often end alike. */
function nameOf({ traces }: ElsewhereSpec): string {
  const parts = normalize(traces)
    .split(/[/\\]/)
    .filter((part) => part !== "" && part !== "." && part !== "..");
  return parts.slice(-2).join("_") || basename(traces);
}
