/** Checkpoints in the folder of a run: where they are, and the job that one goes on with. */
import { dirname, join } from "node:path";
import { InputError } from "../io/faults.ts";
import { fileSource } from "../io/file-source.ts";
import { fileWithin } from "../io/read-file.ts";
import { type Checkpoint, type DataExtents, decodeCheckpoint } from "../swat/checkpoint.ts";
import type { TrainingJob } from "./training-job.ts";

/** Name of the file in the folder of a run. */
export const CHECKPOINT = "checkpoint.safetensors";

/** A run that can go on. */
export interface SavedRun {
  /** Of the checkpoint. */
  readonly path: string;
  readonly job: TrainingJob;
  readonly checkpoint: Checkpoint;
}

/** Reads the checkpoint at `path`, or in it where that is a folder. @throws InputError or Error naming the file. */
export async function openRun(path: string): Promise<SavedRun> {
  const file = await fileWithin(path, CHECKPOINT);
  const checkpoint = await decodeCheckpoint(await fileSource(file));
  const { images, steps, traces, logLines, ...job } = checkpoint.run;
  return { path: file, checkpoint, job: { ...job, out: dirname(file) } };
}

/** The run in the folder `out` that has steps left; undefined where there is none that could go on. */
export async function unfinishedRun(out: string): Promise<SavedRun | undefined> {
  const saved = await openRun(join(out, CHECKPOINT)).catch(() => undefined);
  return saved && saved.checkpoint.state.stepsDone < saved.checkpoint.run.steps ? saved : undefined;
}

/** @throws InputError where a run would go on with data of other sizes than it began with. */
export function checkData(data: string, got: DataExtents, { path, checkpoint }: SavedRun): void {
  const began = checkpoint.run.images;
  const faults = (Object.keys(began) as (keyof DataExtents)[])
    .filter((key) => began[key] !== got[key])
    .map((key) => `${path}: images.${key}: the run began with ${began[key]}, got ${got[key]} from ${data}`);
  if (faults.length > 0) throw new InputError(faults);
}
