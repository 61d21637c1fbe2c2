/**
 * `log.jsonl` of a run: a line of JSON that says what the run is made of, and one for each epoch and each recorded step; epochs
 * and steps also as `log.csv` where asked for.
 */

import { join } from "node:path";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { csvText } from "../io/csv-text.ts";
import { InputError, refusing } from "../io/faults.ts";
import { decodeText, parseNamedJson } from "../io/json.ts";
import { type LineFile, openLines } from "../io/line-file.ts";
import { readBytes } from "../io/read-file.ts";
import type { Stratum } from "../swat/step-plan.ts";
import type { TrainingEvent } from "../swat/training-log.ts";

/** Name of the log in the folder of a run. */
export const LOG = "log.jsonl";
const MILLI = 1e3;

/** The first line of the log; logs before 0.3 have none. */
export interface RunEvent {
  readonly event: "run";
  /** Of the whole run. */
  readonly steps: number;
  readonly batchSize: number;
  /** Test images, on which the run is evaluated. */
  readonly testImages: number;
  readonly strata: readonly Stratum[];
}

/** A later line. */
export interface LogEntry extends TrainingEvent {
  /** Id of the run; entries of earlier versions have none. */
  readonly run?: string;
  /**
   * Measured, so that it differs from run to run: training steps of this epoch, with recording and without evaluation, since
   * the run began or was resumed.
   */
  readonly imagesPerSecond: number;
}

/** The log of a run that is under way. */
export class TrainingLog {
  readonly files: readonly string[];
  readonly #run: string;
  readonly #json: LineFile;
  readonly #csv: string | null;
  #images = 0;
  #started = performance.now();
  #stepEnded = 0;

  /** Use `openLog`. */
  constructor(run: string, json: LineFile, csv: string | null) {
    this.#run = run;
    this.#json = json;
    this.#csv = csv;
    this.files = csv === null ? [json.path] : [json.path, csv];
  }

  get lines(): number {
    return this.#json.lines.length;
  }

  /** Tells that a step of so many images has ended. */
  step(images: number): void {
    this.#images += images;
    this.#stepEnded = performance.now();
  }

  /** Writes the first line. */
  async begin(event: RunEvent): Promise<void> {
    await this.#json.append(JSON.stringify({ ...event, run: this.#run }));
  }

  /** Adds an entry; after that of an epoch, its evaluation being over, the clock starts anew. */
  async append(event: TrainingEvent): Promise<void> {
    const seconds = (this.#stepEnded - this.#started) / MILLI;
    const entry: LogEntry = { ...event, run: this.#run, imagesPerSecond: Number((this.#images / seconds).toFixed(1)) };
    await this.#json.append(JSON.stringify(entry));
    if (event.event === "epoch") {
      await this.writeCsv();
      this.#images = 0;
      this.#started = performance.now();
    }
  }

  /** Writes the CSV anew, if there is to be one. */
  async writeCsv(): Promise<void> {
    if (this.#csv === null) return;
    const lines = this.#json.lines.map((line) => JSON.parse(line) as LogEntry | RunEvent);
    await writeFileAtomically(this.#csv, logCsv(lines.filter((line) => line.event !== "run")));
  }
}

/** Opens the log in the folder `out` behind its first `lines` lines. */
export async function openLog(out: string, run: string, lines: number, csv: boolean): Promise<TrainingLog> {
  return new TrainingLog(run, await openLines(join(out, LOG), lines), csv ? join(out, "log.csv") : null);
}

/** @throws InputError where one of the first `lines` lines of the log in `out` is of another run than `run`. */
export async function checkLog(out: string, run: string, lines: number): Promise<void> {
  const path = join(out, LOG);
  const text = decodeText((await readBytes(path).catch(() => ({ bytes: new Uint8Array() }))).bytes);
  const whole = text.split("\n").slice(0, -1).slice(0, lines);
  for (const [at, line] of whole.entries()) {
    const where = `${path}: line ${at + 1}`;
    const { run: found = run } = refusing(where, () => parseNamedJson(line, where) as LogEntry);
    if (found === run) continue;
    throw new InputError([`${where}: run: is of another run, got ${found}; valid: ${run}`]);
  }
}

/** CSV of a log, with a header: one line an entry, a unit in the name of every column that has one. */
function logCsv(entries: readonly LogEntry[]): string {
  const records = entries.map(
    ({ event, epoch, step, loss, testAccuracy, learningRate, layers, imagesPerSecond, run }) => ({
      event,
      epoch,
      step,
      loss_nats: loss,
      test_accuracy_fraction: testAccuracy ?? null,
      learning_rate: learningRate,
      images_per_s: imagesPerSecond,
      ...Object.fromEntries(
        layers.flatMap(({ layer, weightDensity, savedInputDensity, deadFilters, largestWeight }) => [
          [`${layer}_weight_density`, weightDensity],
          [`${layer}_saved_input_density`, savedInputDensity],
          [`${layer}_dead_filters`, deadFilters],
          [`${layer}_largest_weight`, largestWeight],
        ]),
      ),
      run: run ?? null,
    }),
  );
  return csvText(records);
}
