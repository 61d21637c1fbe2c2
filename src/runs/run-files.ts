/** What a training run writes while it is under way: traces, the log, and the checkpoint that ties them together. */
import { join } from "node:path";
import { removeFiles, removePartialFiles, writeFileAtomically } from "../io/atomic-file.ts";
import { InputError } from "../io/faults.ts";
import { fileSource } from "../io/file-source.ts";
import type { Lock } from "../io/run-lock.ts";
import { type CheckpointedRun, encodeCheckpoint } from "../swat/checkpoint.ts";
import { DivergenceError } from "../swat/divergence-error.ts";
import type { TrainState } from "../swat/state.ts";
import type { TrainingEvent } from "../swat/training-log.ts";
import { openTrace, runOf } from "../trace/trace.ts";
import { CHECKPOINT, type SavedRun } from "./checkpoint-file.ts";
import { checkLog, openLog, type RunEvent, type TrainingLog } from "./log-file.ts";

const STEP_DIGITS = 6;
/** What a run leaves beside its log, which is cut. */
const OWN = /^(step-\d{6,}\.safetensors|log\.csv|(weights|checkpoint)\.safetensors|training\.json)$/;
/** Unfinished ones, as versions before 0.2 named them. */
const OLD_PARTIAL =
  /^(?:step-\d{6,}\.safetensors|log\.(?:csv|jsonl)|(?:weights|checkpoint)\.safetensors|training\.json)\.(\d+)\.partial$/;

/** What a checkpoint says of a run from its beginning on. */
export type RunDescription = Omit<CheckpointedRun, "steps" | "traces" | "logLines">;

/** A run whose files are opened. */
export interface OpenedRun {
  readonly out: string;
  readonly id: string;
  readonly description: RunDescription;
  /** Where it resumes. */
  readonly saved: SavedRun | undefined;
  readonly lock: Lock;
}

/** The files in the folder of a run. */
export class RunFiles {
  readonly id: string;
  readonly log: TrainingLog;
  readonly checkpoint: string;
  readonly #out: string;
  readonly #description: RunDescription;
  readonly #traces: string[];
  readonly #lock: Lock;
  /** How far the run was when it was saved last, in words. */
  #saved: string | undefined;

  /** Use `openRunFiles`. */
  constructor({ out, id, description, saved, lock }: OpenedRun, log: TrainingLog) {
    this.#out = out;
    this.id = id;
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

  /** Says in the log what the run is made of, where it begins. */
  async begin(event: RunEvent): Promise<void> {
    if (this.log.lines > 0) return;
    await this.#lock.check();
    await this.log.begin(event);
  }

  /** Adds an entry to the log. */
  async append(event: TrainingEvent): Promise<void> {
    await this.#lock.check();
    await this.log.append(event);
  }

  /** @throws InputError where another process has taken the folder over. */
  checkOwned(): Promise<void> {
    return this.#lock.check();
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
    await writeFileAtomically(this.checkpoint, encodeCheckpoint({ run, state }, this.id));
    this.#noteSaved(state, steps);
  }

  /** An error that ended the run, with what can be resumed. */
  explain(error: Error): Error {
    if (this.#saved === undefined) return error;
    const advice = `the state after ${this.#saved} is in ${this.checkpoint}`;
    if (error instanceof InputError) return new InputError([...error.faults, advice], { cause: error });
    if (error instanceof DivergenceError) return new DivergenceError(`${error.message}; ${advice}`, { cause: error });
    return error;
  }

  #noteSaved({ stepsDone }: TrainState, steps: number): void {
    this.#saved = `${stepsDone} of ${steps} steps`;
  }
}

/**
 * Opens the files of a run that starts in `out`, or resumes there from `saved`: what was logged after that is cut off. What
 * another run has left is removed where one begins: the files of two runs must not mix. Other files stay.
 */
export async function openRunFiles(run: OpenedRun, onWarning: (text: string) => void): Promise<RunFiles> {
  const { out, id, description, saved } = run;
  const lines = saved?.checkpoint.run.logLines ?? 0;
  if (saved !== undefined) {
    await checkLog(out, id, lines);
    for (const name of saved.checkpoint.run.traces) await checkTrace(join(out, name), id);
  }
  const log = await openLog(out, id, lines, description.logCsv);
  if (log.lines < lines)
    onWarning(`${log.files[0]}: has ${log.lines} of the ${lines} lines that ${saved?.path} counts`);
  if (saved === undefined) await removeFiles(out, OWN);
  await removePartialFiles(out, OLD_PARTIAL);
  return new RunFiles(run, log);
}

/** @throws InputError where a trace is of another run; one that is missing or damaged is what it was before. */
async function checkTrace(path: string, id: string): Promise<void> {
  const trace = await fileSource(path)
    .then(openTrace)
    .catch(() => undefined);
  if (trace === undefined) return;
  const run = runOf(trace) ?? id;
  if (run !== id) throw new InputError([`${path}: is of another run, got ${run}; valid: ${id}, or remove the file`]);
}
