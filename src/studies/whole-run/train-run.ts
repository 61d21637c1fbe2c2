/** Trains a run of a study, or resumes it, unless it is finished. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Static, Type } from "../../core/input/schema.ts";
import { writeJsonFile } from "../../io/atomic-file.ts";
import { checkSchema, InputError } from "../../io/faults.ts";
import { readJsonFile } from "../../io/file-source.ts";
import { listDirectory } from "../../io/read-file.ts";
import { precompiled } from "../../io/validators/program.ts";
import { CHECKPOINT, openRun } from "../../runs/checkpoint-file.ts";
import { runTraining, type TrainingHooks } from "../../runs/run-training.ts";
import type { TrainingJob } from "../../runs/training-job.ts";
import { DivergenceError } from "../../swat/divergence-error.ts";

const SUMMARY = "training.json";
const DIVERGED = "diverged.json";
const DivergedSchema = Type.Object({ job: Type.Unknown(), error: Type.String() }, { additionalProperties: false });

precompiled(DivergedSchema);

/** @throws InputError where the folder holds another run; what else training throws but a divergence. */
export async function trainRun(
  job: TrainingJob,
  hooks: TrainingHooks,
): Promise<"finished" | "diverged" | "interrupted"> {
  const files = await listDirectory(job.out).catch((): string[] => []);
  const diverged = join(job.out, DIVERGED);
  if (files.includes(DIVERGED)) {
    const before: Static<typeof DivergedSchema> = checkSchema(DivergedSchema, await readJsonFile(diverged), diverged);
    checkSameRun(before.job, job, diverged);
    return "diverged";
  }
  const saved = files.includes(CHECKPOINT) ? await openRun(job.out) : undefined;
  if (saved !== undefined) {
    const { run, state } = saved.checkpoint;
    // Any build may resume a run whose build was not asked for.
    checkSameRun(decisive({ ...saved.job, kernels: job.kernels && run.kernels }), job, saved.path);
    if (state.stepsDone === run.steps && files.includes(SUMMARY)) return "finished";
  }
  try {
    const { interrupted } = await runTraining(
      saved === undefined ? job : { ...job, kernels: saved.job.kernels },
      hooks,
      saved,
    );
    return interrupted ? "interrupted" : "finished";
  } catch (error) {
    if (!isDivergence(error)) throw error;
    await writeJsonFile(diverged, { job: decisive(job), error: (error as Error).message });
    return "diverged";
  }
}

/** What decides the result of a run. */
function decisive({ network, data, limit, testLimit, settings, kernels, record, evaluateEvery }: TrainingJob): unknown {
  return JSON.parse(JSON.stringify({ network, data, limit, testLimit, settings, kernels, record, evaluateEvery }));
}

function checkSameRun(before: unknown, job: TrainingJob, where: string): void {
  if (isDeepStrictEqual(before, decisive(job))) return;
  throw new InputError([
    `${where}: is of a run with other settings than the study asks for; valid: another folder, or remove it`,
  ]);
}

function isDivergence(error: unknown): boolean {
  return error instanceof DivergenceError || (error as Error).cause instanceof DivergenceError;
}
