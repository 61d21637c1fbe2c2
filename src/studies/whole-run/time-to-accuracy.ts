/**
 * The study of whole runs: trains what is to be trained, simulates every recorded step on every machine, and works out what
 * whole runs take, and how soon each method reaches an accuracy. A run that is trained and a step that is simulated are on the
 * disk before they count, so that a study that is started again does only what is missing, and gives the same bytes.
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { loadCommonBaseline, loadMachines, openMachines } from "../../api/open.ts";
import { checkHooks, checkOptions } from "../../api/request.ts";
import { simulateFiles } from "../../api/workers/simulate-threads.ts";
import { type Schema, type Static, Type } from "../../core/input/schema.ts";
import { writeFileAtomically, writeJsonFile } from "../../io/atomic-file.ts";
import { checkSchema, InputError, refusing, within } from "../../io/faults.ts";
import { readJsonFile } from "../../io/file-source.ts";
import { listDirectory } from "../../io/read-file.ts";
import { type Lock, withLock } from "../../io/run-lock.ts";
import { precompiled } from "../../io/validators/program.ts";
import { reportPage } from "../../report/html/page.ts";
import type { StudyResult } from "../../report/whole-run/result.ts";
import { curvesCsv, studyCsv, studyMarkdown } from "../../report/whole-run/tables.ts";
import type { TrainingHooks } from "../../runs/run-training.ts";
import type { Shard } from "../sweep/points.ts";
import { assembleStudy } from "./assemble.ts";
import { type FinishedRun, type RecordedTrace, readFinishedRun } from "./finished-run.ts";
import { type MeasuredStep, MeasuredStepSchema, measuredStep } from "./measure.ts";
import { type PlannedRun, plannedRuns } from "./planned-runs.ts";
import { checkStudySpec } from "./spec.ts";
import { trainRun } from "./train-run.ts";

/** What to study and where to leave it. */
export interface StudyPlan {
  /** A parsed spec. */
  readonly spec: unknown;
  /** Its path, for messages. */
  readonly where?: string;
  readonly out: string;
  /** Trains and simulates a part of the runs only; without it all, and the result. */
  readonly shard?: Shard;
  /** Worker threads; automatic where not given. Does not affect results. */
  readonly threads?: number;
  /** Kernel build; the default one where not given. */
  readonly kernels?: string;
}

const count = Type.Integer({ minimum: 1 });
const strict = { additionalProperties: false };
const FIELDS = {
  ...{ spec: Type.Unknown(), where: Type.Optional(Type.String()), out: Type.String() },
  shard: Type.Optional(Type.Object({ part: count, of: count }, strict)),
  ...{ threads: Type.Optional(count), kernels: Type.Optional(Type.String()) },
} satisfies Record<keyof StudyPlan, Schema>;
const PlanSchema = Type.Object(FIELDS, strict);

/** Callbacks of a study. */
export interface StudyHooks {
  /** Work done, all work, and what is being done. */
  readonly onProgress?: (done: number, of: number, what: string) => void;
  readonly onWarning?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** How far a study or shard has come. */
export interface StudyReport {
  readonly done: number;
  /** Runs of the shard, or of the study. */
  readonly of: number;
  /** Of a whole study that is finished. */
  readonly result: StudyResult | undefined;
  readonly files: readonly string[];
}

/** A run counts as so much work, half of it training. */
const WORK = 1000;

const StoredSchema = Type.Object({ inputs: Type.String(), measured: MeasuredStepSchema }, strict);

precompiled(PlanSchema, StoredSchema);

/** A study under way. */
interface Study {
  readonly out: string;
  readonly threads: number | undefined;
  /** Names and paths of all machines, the common one among them. */
  readonly hw: readonly string[];
  readonly names: readonly string[];
  readonly common: string;
  readonly energy: string | undefined;
  /** Of machines and energy tables. */
  readonly digest: string;
  readonly lock: Lock;
  readonly hooks: StudyHooks;
}

/** Runs a study. @throws InputError for a spec, run or machine that is refused, and where another process is at work in the folder. */
export async function timeToAccuracy(plan: StudyPlan, hooks: StudyHooks = {}): Promise<StudyReport> {
  refusing("timeToAccuracy", () => checkOptions(PlanSchema, { ...plan, spec: null }, "timeToAccuracy"));
  checkHooks(hooks, "timeToAccuracy");
  const { where = "spec", out, shard, threads, kernels } = plan;
  if (shard !== undefined && shard.part > shard.of) {
    throw new InputError([`timeToAccuracy: shard.part: must be <= ${shard.of}, got ${shard.part}`]);
  }
  const spec = checkStudySpec(plan.spec, where);
  const runs = within(where, () => plannedRuns(spec, out, { kernels, threads }));
  const mine = runs.filter((_, i) => shard === undefined || i % shard.of === shard.part - 1);
  const lockName = shard === undefined ? "study.lock" : `study-${shard.part}-of-${shard.of}.lock`;
  const machines = await within(where, () => machinesOf(spec.machines, spec.energy));
  return withLock(join(out, lockName), async (lock) => {
    const study: Study = { out, threads, energy: spec.energy, lock, hooks, ...machines };
    const finished: (Finished | null)[] = [];
    for (const [index, run] of mine.entries()) {
      const tell = (share: number, what: string) =>
        hooks.onProgress?.(Math.round((index + share) * WORK), mine.length * WORK, `${run.name}: ${what}`);
      const done = await finishRun(run, study, tell);
      if (done === "interrupted") return { done: index, of: mine.length, result: undefined, files: [] };
      finished.push(done);
    }
    const report = { done: mine.length, of: mine.length };
    if (shard !== undefined) return { ...report, result: undefined, files: [] };
    const result = resultOf(runs, finished, study);
    return { ...report, result, files: await writeResult(result, out, lock) };
  });
}

/** The machines of a study and the common one, without which nothing can be compared with it. */
async function machinesOf(asked: readonly string[] = ["equal-peak"], energy: string | undefined) {
  const common = await loadCommonBaseline();
  const hasCommon = (await loadMachines(asked)).some(({ name }) => name === common.name);
  const hw = hasCommon ? asked : [...asked, common.name];
  const { machines, energy: tables } = await openMachines({ hw, energy });
  const identity = machines.map(({ config, accelerator }) => [config, accelerator.modelVersion]);
  const text = JSON.stringify([identity, tables.map(({ config }) => config)]);
  return {
    hw,
    names: machines.map(({ name }) => name),
    common: common.name,
    digest: createHash("sha256").update(text).digest("hex"),
  };
}

interface Finished {
  readonly run: FinishedRun;
  readonly steps: readonly MeasuredStep[];
}

type Tell = (share: number, what: string) => void;

/** Null where training diverged. */
async function finishRun(planned: PlannedRun, study: Study, tell: Tell): Promise<Finished | null | "interrupted"> {
  const { hooks, lock, threads } = study;
  const begin = planned.job === undefined ? 0 : 1 / 2;
  if (hooks.signal?.aborted) return "interrupted";
  tell(0, "begins");
  if (planned.job !== undefined) {
    await lock.check();
    const training: TrainingHooks = {
      ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
      ...(hooks.onWarning === undefined ? {} : { onWarning: hooks.onWarning }),
      onProgress: ({ step, steps }) => tell((begin * step) / steps, `trains, step ${step} of ${steps}`),
    };
    const outcome = await trainRun({ ...planned.job, threads }, training);
    if (outcome === "interrupted") return outcome;
    if (outcome === "diverged") return null;
  }
  const run = await readFinishedRun(planned.files);
  const steps: MeasuredStep[] = [];
  for (const [i, trace] of run.traces.entries()) {
    const of = run.traces.length;
    tell(begin + ((1 - begin) * i) / of, `simulates step ${trace.step}, ${i + 1} of ${of}`);
    const step = await simulated(planned.name, trace, study);
    if (step === "interrupted") return step;
    steps.push(step);
  }
  tell(1, "done");
  return { run, steps };
}

/** A recorded step on all machines, from the disk where it was simulated before. */
async function simulated(name: string, trace: RecordedTrace, study: Study): Promise<MeasuredStep | "interrupted"> {
  const { out, hw, energy, threads, digest, hooks, lock } = study;
  const folder = join(out, "simulated", name);
  const file = `${basename(trace.path, ".safetensors")}.json`;
  const inputs = createHash("sha256").update(`${digest} ${trace.sha256}`).digest("hex");
  const path = join(folder, file);
  if ((await listDirectory(folder).catch((): string[] => [])).includes(file)) {
    const before: Static<typeof StoredSchema> = checkSchema(StoredSchema, await readJsonFile(path), path);
    if (before.inputs === inputs) return before.measured;
  }
  const { signal, onWarning } = hooks;
  try {
    const files = { traces: [trace.path], hw, energy, ownRefreshes: true };
    const measured = measuredStep(await simulateFiles(files, { threads, signal, onWarning }));
    await lock.check();
    await writeJsonFile(path, { inputs, measured });
    return measured;
  } catch (error) {
    if (signal?.aborted) return "interrupted";
    throw error;
  }
}

/** @throws InputError where no run gives anything, and where runs are of several networks. */
function resultOf(runs: readonly PlannedRun[], finished: readonly (Finished | null)[], study: Study): StudyResult {
  const trained = finished.flatMap((done, i) =>
    done === null ? [] : { name: runs[i].name, network: done.run.network },
  );
  if (trained.length === 0)
    throw new InputError([`${study.out}: training diverged in every run; valid: a lower learning rate`]);
  const other = trained.find(({ network }) => network !== trained[0].network);
  if (other !== undefined) {
    throw new InputError([
      `runs: ${other.name}: network: got ${other.network}; valid: ${trained[0].network}, that of ${trained[0].name}`,
    ]);
  }
  const assembled = finished.map((done, i) => {
    const { name, files } = runs[i];
    const { method = "", sparsity, seed = 0 } = done?.run ?? files;
    return { name, method, sparsity, seed, finished: done };
  });
  return assembleStudy(assembled, study);
}

async function writeResult(result: StudyResult, out: string, lock: Lock): Promise<string[]> {
  await lock.check();
  const texts: Readonly<Record<string, string>> = {
    "time-to-accuracy.json": `${JSON.stringify(result, null, 2)}\n`,
    "time-to-accuracy.csv": studyCsv(result),
    "curves.csv": curvesCsv(result),
    "time-to-accuracy.md": studyMarkdown(result),
    "report.html": await reportPage({ results: [], points: [], study: result }),
  };
  for (const [name, text] of Object.entries(texts)) await writeFileAtomically(join(out, name), text);
  return Object.keys(texts).map((name) => join(out, name));
}
