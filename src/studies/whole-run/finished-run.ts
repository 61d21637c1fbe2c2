/** A run that is finished, whoever trained it: its recorded steps, what they stand for, and its test accuracy over steps. */
import { basename, join } from "node:path";
import { parse } from "csv-parse/sync";
import { readTrace } from "../../api/open.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { checkSchema, InputError, reasonOf, refusing } from "../../io/faults.ts";
import { decodeText } from "../../io/json.ts";
import { listDirectory, readBytes } from "../../io/read-file.ts";
import { precompiled } from "../../io/validators/program.ts";
import { readRunLog } from "../../runs/read-log.ts";
import { isMacOp } from "../../trace/manifest.ts";
import type { IdentifiedTrace } from "../../trace/trace.ts";
import { type RecordedStep, SampledRun } from "./estimate.ts";
import type { ElsewhereSpec } from "./spec.ts";

const TRACE = /\.safetensors$/;
/** What `swat-sim train` leaves beside traces. */
const NO_TRACE = /^(weights|checkpoint)\.safetensors$/;
/** Kind of steps whose traces say none. */
const ANY_KIND = "step";

/** An evaluation of a run. */
export interface Evaluated {
  /** Training steps done. */
  readonly step: number;
  /** 0..1. */
  readonly accuracy: number;
}

/** A recorded step of a run. */
export interface RecordedTrace extends RecordedStep {
  readonly path: string;
  readonly sha256: string;
  /** Images of the step. */
  readonly batch: number;
}

/** A finished run. */
export interface FinishedRun {
  readonly network: string;
  readonly dataset: string | undefined;
  readonly method: string;
  readonly sparsity: number | undefined;
  readonly seed: number;
  readonly sampled: SampledRun;
  /** In the order of the run. */
  readonly traces: readonly RecordedTrace[];
  readonly evaluations: readonly Evaluated[];
  /** Null where it is not known. */
  readonly testImages: number | null;
}

/** Reads a run. @throws InputError for what is missing, and traces of several runs. */
export async function readFinishedRun(spec: ElsewhereSpec): Promise<FinishedRun> {
  const names = (await listDirectory(spec.traces)).filter((name) => TRACE.test(name) && !NO_TRACE.test(name));
  if (names.length === 0)
    throw new InputError([`${spec.traces}: has no trace; valid: a folder of recorded steps (.safetensors)`]);
  const traces: IdentifiedTrace[] = [];
  for (const name of names) traces.push(await readTrace(join(spec.traces, name)));
  const { manifest } = traces[0].trace;
  checkOneRun(traces, spec.traces);
  const recorded = traces.map(({ trace, sha256, name }) => ({
    ...recordedStep(trace.manifest),
    path: join(spec.traces, name),
    sha256,
    batch: trace.manifest.ops.find(isMacOp)?.geometry.N ?? 1,
  }));
  recorded.sort((a, b) => a.step - b.step);
  const log = spec.accuracy === undefined ? await readRunLog(spec.traces) : undefined;
  const evaluations = log?.evaluations ?? (await readAccuracies(spec));
  const strata = spec.strata ?? log?.strata ?? oneStratum(spec, recorded, evaluations);
  return {
    network: manifest.network,
    dataset: manifest.dataset,
    method: spec.method ?? manifest.method.name,
    sparsity: spec.sparsity ?? manifest.method.sparsity,
    seed: spec.seed ?? manifest.seed ?? 0,
    sampled: new SampledRun(strata, recorded, spec.traces),
    traces: recorded,
    evaluations,
    testImages: log?.testImages ?? null,
  };
}

function recordedStep({
  step,
  phase = 0,
  stepKind: kind = ANY_KIND,
}: {
  step: number;
  phase?: number;
  stepKind?: string;
}) {
  return { step, phase, kind };
}

function checkOneRun([first, ...others]: readonly IdentifiedTrace[], where: string): void {
  const runOf = ({ trace: { manifest } }: IdentifiedTrace) =>
    JSON.stringify([manifest.network, manifest.dataset, manifest.method, manifest.seed]);
  const other = others.find((trace) => runOf(trace) !== runOf(first));
  if (other === undefined) return;
  throw new InputError([
    `${where}: ${other.name}: is of another run than ${first.name}, got ${runOf(other)}; valid: ${runOf(first)}`,
  ]);
}

/** All steps as one stratum. */
function oneStratum(
  { traces, steps }: ElsewhereSpec,
  recorded: readonly RecordedStep[],
  evaluations: readonly Evaluated[],
) {
  const names = [...new Set(recorded.map(({ phase, kind }) => `phase ${phase}, ${kind}`))];
  if (names.length > 1) {
    throw new InputError([
      `${traces}: strata: are needed for steps of several phases or kinds, got ${names.join("; ")}`,
    ]);
  }
  const [{ phase, kind }] = recorded;
  const all = steps ?? Math.max(...evaluations.map(({ step }) => step));
  return [{ phase, kind, steps: all, from: 0, to: all }];
}

const RowSchema = Type.Object({
  step: Type.String({ pattern: "^\\d{1,15}$" }),
  accuracy: Type.String({ pattern: "^[\\d.eE+-]+$" }),
});

precompiled(RowSchema);

/** Evaluations in the CSV of a run. @throws InputError naming the line. */
async function readAccuracies({ accuracy: path, traces }: ElsewhereSpec): Promise<Evaluated[]> {
  if (path === undefined) {
    throw new InputError([
      `${traces}: has no log.jsonl that counts its steps; valid: one, or the key "accuracy" with a CSV`,
    ]);
  }
  const rows = parseCsv(decodeText((await readBytes(path)).bytes), path);
  const evaluations = rows.map((row, i) => {
    const where = `${path}: line ${i + 2}`;
    const { step, accuracy } = checkSchema(RowSchema, row, where, { unknownKeys: "drop" });
    const fraction = Number(accuracy);
    if (!(fraction >= 0 && fraction <= 1)) throw new InputError([`${where}: accuracy: got ${accuracy}; valid: 0 to 1`]);
    return { step: Number(step), accuracy: fraction };
  });
  if (evaluations.length === 0)
    throw new InputError([`${path}: has no evaluation; valid: lines of step,accuracy below a header`]);
  const unordered = evaluations.findIndex(({ step }, i) => i > 0 && step <= evaluations[i - 1].step);
  if (unordered > 0) {
    const [before, got] = [evaluations[unordered - 1].step, evaluations[unordered].step];
    throw new InputError([
      `${path}: line ${unordered + 2}: step: got ${got}; valid: more than ${before}, that of the line before`,
    ]);
  }
  return evaluations;
}

function parseCsv(text: string, path: string): Static<typeof RowSchema>[] {
  return refusing(basename(path), () => {
    try {
      return parse(text, { columns: true, skip_empty_lines: true, trim: true, bom: true });
    } catch (cause) {
      throw new InputError([`${path}: is not a readable CSV: ${reasonOf(cause)}`], { cause });
    }
  });
}
