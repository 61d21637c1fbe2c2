/** What a training run writes while it is under way: traces, the log, and the checkpoint that ties them together. */
import { join } from "node:path";
import { removeFiles, removePartialFiles, writeFileAtomically } from "../io/atomic-file.ts";
import { InputError } from "../io/faults.ts";
import type { Lock } from "../io/run-lock.ts";
import { type CheckpointedRun, encodeCheckpoint } from "../swat/checkpoint.ts";
import type { TrainState } from "../swat/state.ts";
import { CHECKPOINT, type SavedRun } from "./checkpoint-file.ts";
import { openLog, type TrainingLog } from "./log-file.ts";

const STEP_DIGITS = 6;
/** What a run leaves beside its log, which is cut. */
const OWN = /^(step-\d{6,}\.safetensors|log\.csv|(weights|checkpoint)\.safetensors|training\.json)$/;

/** What a checkpoint says of a run from its beginning on. */
export type RunDescription = Omit<CheckpointedRun, "steps" | "traces" | "logLines">;

/** The files in the folder of a run. */
export class RunFiles {
  readonly log: TrainingLog;
  readonly checkpoint: string;
  readonly #out: string;
  readonly #description: RunDescription;
  readonly #traces: string[];
  readonly #lock: Lock;
  /** How far the run was when it was saved last, in words. */
  #saved: string | undefined;

  /** Use `openRunFiles`. */
  constructor(out: string, description: RunDescription, log: TrainingLog, saved: SavedRun | undefined, lock: Lock) {
    this.#out = out;
    this.#lock = lock;
    this.#description = description;
    this.log = log;
    this.checkpoint = join(out, CHECKPOINT);
    this.#traces = [...(saved?.checkpoint.run.traces ?? [])];
    if (saved !== undefined) this.#noteSaved(saved.checkpoint.state, saved.checkpoint.run.steps);
  }

  /** Paths of the recorded steps so far. */
  get traces(): string[] {
    return this.#traces.map((name) => join(this.#out, name));
  }

  async writeTrace(step: number, bytes: Uint8Array): Promise<void> {
    await this.#lock.check();
    const name = `step-${String(step).padStart(STEP_DIGITS, "0")}.safetensors`;
    await writeFileAtomically(join(this.#out, name), bytes);
    this.#traces.push(name);
  }

  async writeCheckpoint(state: TrainState, steps: number): Promise<void> {
    await this.#lock.check();
    const run = { ...this.#description, steps, traces: this.#traces, logLines: this.log.lines };
    await writeFileAtomically(this.checkpoint, encodeCheckpoint({ run, state }));
    this.#noteSaved(state, steps);
  }

  /** An error that ended the run, with what can be resumed. */
  explain(error: Error): Error {
    if (this.#saved === undefined) return error;
    const advice = `the state after ${this.#saved} is in ${this.checkpoint}`;
    if (error instanceof InputError) return new InputError([...error.faults, advice], { cause: error });
    return new Error(`${error.message}; ${advice}`, { cause: error });
  }

  #noteSaved({ stepsDone }: TrainState, steps: number): void {
    this.#saved = `${stepsDone} of ${steps} steps`;
  }
}

/**
 * Opens the files of a run that starts in `out`, or resumes there from `saved`: what was logged after that is cut off. What
 * another run has left is removed where one begins: the files of two runs must not mix. Other files stay.
 */
export async function openRunFiles(
  out: string,
  description: RunDescription,
  saved: SavedRun | undefined,
  lock: Lock,
  onWarning: (text: string) => void,
): Promise<RunFiles> {
  const lines = saved?.checkpoint.run.logLines ?? 0;
  const log = await openLog(out, lines, description.logCsv);
  if (log.lines < lines)
    onWarning(`${log.files[0]}: has ${log.lines} of the ${lines} lines that ${saved?.path} counts`);
  if (saved === undefined) await removeFiles(out, OWN);
  await removePartialFiles(out);
  return new RunFiles(out, description, log, saved, lock);
}
