/** Checkpoints in the folder of a run: where they are, and the job that a checkpoint resumes. */
import { dirname, join } from "node:path";
import { faultsOf, InputError } from "../io/faults.ts";
import { fileSource } from "../io/file-source.ts";
import { fileVersion, fileWithin, isMissing } from "../io/read-file.ts";
import { refuseLocked } from "../io/run-lock.ts";
import { type Checkpoint, type DataExtents, decodeCheckpoint } from "../swat/checkpoint.ts";
import type { TrainingJob } from "./training-job.ts";

/** Names of files in the folder of a run. */
export const CHECKPOINT = "checkpoint.safetensors";
const LOCK = "run.lock";

/** A run that can go on. */
export interface SavedRun {
  /** Of the checkpoint. */
  readonly path: string;
  readonly job: TrainingJob;
  readonly checkpoint: Checkpoint;
  /** Tells this version of the file from others. */
  readonly version: string;
}

/** The lock on the folder of a run. */
export function lockPath(out: string): string {
  return join(out, LOCK);
}

/** Reads the checkpoint at `path`, or in it where that is a folder. @throws InputError or Error naming the file. */
export async function openRun(path: string): Promise<SavedRun> {
  const file = await fileWithin(path, CHECKPOINT);
  await refuseLocked(lockPath(dirname(file)));
  return readRun(file);
}

async function readRun(file: string): Promise<SavedRun> {
  const version = await fileVersion(file);
  const source = await fileSource(file).catch((cause: InputError) => {
    if (!isMissing(cause.cause)) throw cause;
    throw new InputError([`${cause.faults.join("; ")}; valid: the folder of a run, or the ${CHECKPOINT} in it`], {
      cause: cause.cause,
    });
  });
  const checkpoint = await decodeCheckpoint(source);
  const { images, steps, traces, logLines, ...job } = checkpoint.run;
  return { path: file, checkpoint, job: { ...job, out: dirname(file) }, version };
}

/** @throws InputError where another process has written the checkpoint at `path` since it had this version. */
export async function checkUnchanged({ path, version }: Pick<SavedRun, "path" | "version">): Promise<void> {
  if ((await fileVersion(path)) !== version) {
    throw new InputError([`${path}: another process has written it meanwhile; valid: resume it, or another folder`]);
  }
}

/**
 * The run in the folder `out` that has steps left; undefined where there is none.
 * @throws InputError where a checkpoint is there that cannot be read: it may be all that is left of a run, or a newer version's.
 */
export async function unfinishedRun(out: string): Promise<SavedRun | undefined> {
  await refuseLocked(lockPath(out));
  const path = join(out, CHECKPOINT);
  const saved = await readRun(path).catch((cause: Error) => {
    if (isMissing(cause.cause)) return undefined;
    const advice = `${path}: a new run would remove it; valid: another folder, or remove the file`;
    throw new InputError([...faultsOf(cause), advice], { cause });
  });
  return saved && saved.checkpoint.state.stepsDone < saved.checkpoint.run.steps ? saved : undefined;
}

/** @throws InputError where a run would resume with data of a different size. */
export function checkData(data: string, got: DataExtents, { path, checkpoint }: SavedRun): void {
  const began = checkpoint.run.images;
  const faults = (Object.keys(began) as (keyof DataExtents)[])
    .filter((key) => began[key] !== got[key])
    .map((key) => `${path}: images.${key}: the run began with ${began[key]}, got ${got[key]} from ${data}`);
  if (faults.length > 0) throw new InputError(faults);
}
