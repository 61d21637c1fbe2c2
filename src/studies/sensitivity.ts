/**
 * What may be dropped where (the first contribution of Raihan & Aamodt 2020): trains the same network dropping one thing after
 * the other, at several sparsities and seeds, and simulates the last step of each run. A point is written when it is
 * finished; a study that is started again trains only what is missing.
 */
import { join } from "node:path";
import { loadMachines } from "../api/open.ts";
import { simulateFiles } from "../api/workers/simulate-threads.ts";
import { type Static, Type } from "../core/input/schema.ts";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { allOf, checkSchema, InputError } from "../io/faults.ts";
import { readJsonFile } from "../io/file-source.ts";
import { listDirectory } from "../io/read-file.ts";
import { type Lock, withLock } from "../io/run-lock.ts";
import { precompiled } from "../io/validators/program.ts";
import {
  type Curve,
  curvesOf,
  type SensitivityPoint,
  SensitivityPointSchema,
  sensitivityCsv,
} from "../report/sensitivity/sensitivity.ts";
import { accuracyOverSparsity, accuracyOverSpeedup } from "../report/sensitivity/sensitivity-plots.ts";
import { renderSvg } from "../report/svg.ts";
import { runTraining } from "../runs/run-training.ts";
import type { TrainingJob } from "../runs/training-job.ts";
import type { Machine } from "../sim/hardware/machine.ts";
import type { MachineResult } from "../sim/result/result.ts";
import { type Drop, isSwat } from "../sparsity/operand-masking.ts";
import { dataSetNamed } from "../swat/data/index.ts";
import { DivergenceError } from "../swat/divergence-error.ts";
import type { TrainSettings } from "../swat/settings.ts";
import type { TrainProgress } from "../swat/train.ts";

/** What to compare, and where to leave it. */
export interface SensitivityPlan
  extends Pick<TrainingJob, "data" | "network" | "limit" | "testLimit" | "kernels" | "threads"> {
  /** Each is one curve: what is dropped together. */
  readonly drops: readonly (readonly Drop[])[];
  /** 0 is dense training, which all curves share. */
  readonly sparsities: readonly number[];
  readonly seeds: readonly number[];
  readonly settings: Omit<TrainSettings, "method" | "sparsity" | "drop" | "seed">;
  /** Name or path of one machine. */
  readonly hw: string;
  readonly out: string;
}

/** What the study tells while it works. */
export interface SensitivityHooks {
  /** `point` of `points` is at work, from 0. */
  readonly onProgress?: (point: number, points: number, name: string, progress: TrainProgress) => void;
  /** Called with every finished point, in order, trained now or before. */
  readonly onPoint?: (point: SensitivityPoint) => void;
  readonly signal?: AbortSignal;
}

/** The points that are finished, of `planned`; curves and files are there when all are. */
export interface SensitivityReport {
  readonly points: readonly SensitivityPoint[];
  readonly planned: number;
  readonly curves: readonly Curve[];
  readonly files: readonly string[];
}

type Planned = Omit<SensitivityPoint, "outcome">;

const StoredSchema = Type.Object(
  { inputs: Type.Unknown(), point: SensitivityPointSchema },
  { additionalProperties: false },
);
precompiled(StoredSchema);

/** The runs of a plan, seed by seed; dense training comes first and once for each seed. */
function pointsOf({ drops, sparsities, seeds }: Pick<SensitivityPlan, "drops" | "sparsities" | "seeds">): Planned[] {
  return seeds.flatMap((seed) => [
    ...(sparsities.includes(0) ? [{ name: `dense_seed${seed}`, drop: [], sparsity: 0, seed }] : []),
    ...drops.flatMap((drop) =>
      sparsities
        .filter((sparsity) => sparsity > 0)
        .map((sparsity) => {
          const name = `${drop.join("+").replaceAll(":", "-")}_${sparsity}_seed${seed}`;
          return { name, drop: [...drop], sparsity, seed };
        }),
    ),
  ]);
}

/** Runs a study. @throws Error for unknown names, unreadable data, or a file of a point that is damaged. */
export async function runSensitivity(plan: SensitivityPlan, hooks: SensitivityHooks = {}): Promise<SensitivityReport> {
  const [machines] = await allOf([loadMachines([plan.hw]), (async () => dataSetNamed(plan.data))()]);
  if (machines.length !== 1) throw new InputError([`machines: must be one machine, got ${plan.hw}`]);
  return withLock(join(plan.out, "study.lock"), (lock) => runPoints(plan, machines[0], lock, hooks));
}

async function runPoints(
  plan: SensitivityPlan,
  { name: machine, config, accelerator }: Machine,
  lock: Lock,
  hooks: SensitivityHooks,
): Promise<SensitivityReport> {
  const folder = join(plan.out, "points");
  const stored = new Set(await listDirectory(folder).catch(() => []));
  const planned = pointsOf(plan);
  const points: SensitivityPoint[] = [];
  for (const [index, one] of planned.entries()) {
    const settings = settingsOf(plan, one);
    const { data, network, limit, testLimit, kernels } = plan;
    const inputs = {
      data,
      network,
      limit,
      testLimit,
      kernels,
      settings,
      config,
      modelVersion: accelerator.modelVersion,
    };
    const file = join(folder, `${one.name}.json`);
    const before = stored.has(`${one.name}.json`) ? await readPoint(file) : undefined;
    let point = JSON.stringify(before?.inputs) === JSON.stringify(inputs) ? before?.point : undefined;
    if (point === undefined) {
      const outcome = await runPoint(plan, one.name, settings, {
        ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
        onProgress: (progress) => hooks.onProgress?.(index, planned.length, one.name, progress),
      });
      if (outcome === "interrupted") return { points, planned: planned.length, curves: [], files: [] };
      point = { ...one, outcome };
      await lock.check();
      await writeJsonFile(file, { inputs, point });
    }
    points.push(point);
    hooks.onPoint?.(point);
  }
  const curves = curvesOf(points);
  await lock.check();
  return { points, planned: planned.length, curves, files: await writeFiles(plan, machine, points, curves) };
}

async function runPoint(
  plan: SensitivityPlan,
  name: string,
  settings: TrainSettings,
  hooks: NonNullable<Parameters<typeof runTraining>[1]>,
): Promise<SensitivityPoint["outcome"] | "interrupted"> {
  if (hooks.signal?.aborted) return "interrupted";
  const { data, network, limit, testLimit, kernels, threads } = plan;
  try {
    const report = await runTraining(
      {
        data,
        network,
        settings,
        record: "last",
        out: join(plan.out, "runs", name),
        ...{ limit, testLimit, kernels, threads },
      },
      hooks,
    );
    if (report.interrupted) return "interrupted";
    const { testAccuracy, loss } = report;
    const { machines } = await simulateFiles({ traces: report.traces, hw: [plan.hw] }, {});
    return { testAccuracy, loss, ...gainOf(machines[0]) };
  } catch (error) {
    if (error instanceof DivergenceError) return null;
    throw error;
  }
}

function gainOf({
  totals,
}: MachineResult): Pick<NonNullable<SensitivityPoint["outcome"]>, "denseMacs" | "effectualMacs" | "speedup"> {
  const { forward, inputGrad, weightGrad, matmul, training } = totals;
  const { denseMacs, effectualMacs } = matmul;
  const speedup = {
    forward: forward.compute.speedupFromZeros,
    inputGrad: inputGrad.compute.speedupFromZeros,
    weightGrad: weightGrad.compute.speedupFromZeros,
    matmul: matmul.compute.speedupFromZeros,
    step: training.ownSkippingGain ?? null,
  };
  return { denseMacs, effectualMacs, speedup };
}

function settingsOf({ settings }: SensitivityPlan, { drop, sparsity, seed }: Planned): TrainSettings {
  const method = drop.length === 0 ? "dense" : "swat-u";
  return { ...settings, method, sparsity, seed, ...(drop.length === 0 || isSwat(drop) ? {} : { drop }) };
}

async function readPoint(path: string): Promise<Static<typeof StoredSchema>> {
  return checkSchema(StoredSchema, await readJsonFile(path), path);
}

async function writeFiles(
  { data, network, sparsities, seeds, settings, out }: SensitivityPlan,
  machine: string,
  points: readonly SensitivityPoint[],
  curves: readonly Curve[],
): Promise<string[]> {
  const path = (name: string) => join(out, name);
  const files = ["sensitivity.csv", "sensitivity.json", "accuracy-over-sparsity.svg", "accuracy-over-speedup.svg"].map(
    path,
  );
  const [csv, json, overSparsity, overSpeedup] = files;
  await writeFileAtomically(csv, sensitivityCsv(points));
  await writeJsonFile(json, { network, data, machine, sparsities, seeds, settings, curves, points });
  await writeFileAtomically(
    overSparsity,
    await renderSvg(accuracyOverSparsity(curves, `${network}: what may be dropped`)),
  );
  await writeFileAtomically(overSpeedup, await renderSvg(accuracyOverSpeedup(curves, `${network} on ${machine}`)));
  return files;
}
