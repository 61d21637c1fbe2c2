/**
 * Runs a sweep, or a shard of it, on several threads. A finished point is on the disk before it counts, so that a sweep that
 * is started again does only what is missing; the result is put in order at the end, whoever did which point when.
 */

import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  type Accelerators,
  loadAccelerators,
  loadBaseline,
  loadEnergyTable,
  loadMachines,
  openTraces,
} from "../../api/open.ts";
import { checkHooks, checkOptions } from "../../api/request.ts";
import { type Schema, Type } from "../../core/input/schema.ts";
import { usefulThreads } from "../../core/threads.ts";
import { allOf, fromThread, InputError, refusing } from "../../io/faults.ts";
import { sha256OfFile } from "../../io/file-source.ts";
import { withLock } from "../../io/run-lock.ts";
import { precompiled } from "../../io/validators/program.ts";
import type { Machine } from "../../sim/hardware/machine.ts";
import { type PointSources, pointRunner } from "./point-runner.ts";
import { inSharingOrder, type PlannedPoint, pointsOf, type Shard, shardOf } from "./points.ts";
import { type FinishedPoint, inOrder, openPoints, pointsPath, writeSweep } from "./points-file.ts";
import { type Piece, pieceDispatcher } from "./scheduling.ts";
import { checkSweepSpec, type SweepSpec, tracesOfSpec } from "./spec.ts";

/** The field of a config that names its energy table. */
const ENERGY = "energy";
/** Points that a thread is sent at once: enough to share work, few enough that no thread is left with much at the end. */
const POINTS_AT_ONCE = 8;
const WORKER = new URL("./sweep-worker.js", import.meta.url);

/** What to sweep and where to leave it. */
export interface SweepPlan {
  /** A parsed spec. */
  readonly spec: unknown;
  /** Its path, for messages. */
  readonly where?: string;
  readonly out: string;
  /** Without it the whole sweep. */
  readonly shard?: Shard;
  /** In place of the spec's. */
  readonly baseline?: string;
  readonly allowUnequal?: boolean;
  /** By default all cores. */
  readonly threads?: number;
}

const count = Type.Integer({ minimum: 1 });
const strict = { additionalProperties: false };
const FIELDS = {
  ...{ spec: Type.Unknown(), where: Type.Optional(Type.String()), out: Type.String() },
  shard: Type.Optional(Type.Object({ part: count, of: count }, strict)),
  ...{ baseline: Type.Optional(Type.String()), allowUnequal: Type.Optional(Type.Boolean()) },
  threads: Type.Optional(count),
} satisfies Record<keyof SweepPlan, Schema>;
const PlanSchema = Type.Object(FIELDS, strict);
precompiled(PlanSchema);

/** What a sweep tells while it works. */
export interface SweepHooks {
  readonly onProgress?: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

/** How far a sweep or shard has come. */
export interface SweepReport {
  readonly done: number;
  /** Points of the shard, or of the sweep. */
  readonly of: number;
  /** The result of a whole sweep, or the points of a shard; the points of what was interrupted. */
  readonly file: string;
  /** Lines of JSON, a point each, in the order of the spec; none where it was interrupted. */
  readonly lines: readonly string[];
}

/** The spec is checked by itself, under its own name. */
function withoutSpec(plan: unknown): unknown {
  return refusing("sweep", () => {
    if (typeof plan !== "object" || plan === null || !("spec" in plan)) return plan;
    return { ...plan, spec: null };
  });
}

/** Runs a sweep. @throws InputError or Error for a spec, config or trace that is refused, or points of another sweep in `out`. */
export async function runSweep(plan: SweepPlan, hooks: SweepHooks = {}): Promise<SweepReport> {
  checkOptions(PlanSchema, withoutSpec(plan), "sweep");
  checkHooks(hooks, "sweep");
  const { onProgress, signal } = hooks;
  const { where = "spec", out, shard, threads = availableParallelism() } = plan;
  if (shard !== undefined && shard.part > shard.of) {
    throw new InputError([`sweep: shard.part: must be <= ${shard.of}, got ${shard.part}`]);
  }
  const { baseline, allowUnequal } = plan;
  const spec = {
    ...checkSweepSpec(plan.spec, where),
    ...(baseline === undefined ? {} : { baseline }),
    ...(allowUnequal === undefined ? {} : { allowUnequal }),
  };
  const known = await loadAccelerators(spec.modules ?? []);
  const [machines, baselineMachine, traces] = await allOf([
    loadMachines(spec.machines, known),
    baselineOf(spec, known),
    openTraces(tracesOfSpec(spec)),
  ]);
  const all = pointsOf(spec, machines, where, known);
  const files = traces.map(({ sha256 }) => sha256);
  const identity = {
    sha256: await identityOf(spec, [baselineMachine, ...machines], files, known, all),
    points: all.length,
  };
  const path = pointsPath(out, shard);
  const mine = shard === undefined ? all : shardOf(all, shard);
  return withLock(`${path}.lock`, async (lock) => {
    const { file, finished } = await openPoints(path, identity);
    const pieces = inSharingOrder(mine.filter(({ index }) => !finished.has(index))).flatMap(inPieces);
    let done = mine.filter(({ index }) => finished.has(index)).length;
    onProgress?.(done, mine.length);
    const lines = new Batches(async (batch) => {
      await lock.check();
      await file.append(...batch);
    });
    const onPoint = (point: FinishedPoint) => {
      lines.add(JSON.stringify(point));
      done++;
      onProgress?.(done, mine.length);
    };
    // Sources that run without a build have no file for a thread.
    const helpers = import.meta.url.endsWith(".js")
      ? Math.min(usefulThreads(threads, availableParallelism()), pieces.length)
      : 1;
    const work = helpers > 1 ? onThreads(spec, pieces, helpers) : here(spec, pieces);
    await work(onPoint, signal).finally(() => lines.written());

    const report = { done, of: mine.length, file: path };
    if (done < mine.length) return { ...report, lines: [] };
    const result = inOrder(file.lines.slice(1));
    if (shard !== undefined) return { ...report, lines: result };
    const target = join(out, "sweep.jsonl");
    await lock.check();
    await writeSweep(target, result);
    return { ...report, file: target, lines: result };
  });
}

/** What points are compared with. */
async function baselineOf(spec: SweepSpec, known: Accelerators): Promise<Machine> {
  const { baseline, commonBaseline } = await loadBaseline(spec.baseline, known);
  return (baseline ?? commonBaseline) as Machine;
}

/** Whatever may change a result changes the hash; of modules and energy tables, what they hold, not where they lie. */
async function identityOf(
  { $schema: _, modules: paths = [], ...spec }: SweepSpec,
  machines: readonly Machine[],
  files: readonly string[],
  accelerators: Accelerators,
  points: readonly PlannedPoint[],
): Promise<string> {
  // With the defaults that the spec leaves to the program.
  const traces = [...files, ...new Set(points.flatMap(({ synthetic }) => synthetic ?? []))];
  const configs = machines.map(({ config }) => config);
  const modules = await Promise.all(paths.map(sha256OfFile));
  const models = Object.values(accelerators).map(({ id, modelVersion }) => [id, modelVersion]);
  return createHash("sha256")
    .update(JSON.stringify([spec, configs, traces, models, modules, await tablesOf(spec, machines.slice(1))]))
    .digest("hex");
}

/** The content of all energy tables that machines have or a sweep gives them, but for those that points are refused for. */
async function tablesOf({ list = [], grid = {} }: SweepSpec, machines: readonly Machine[]): Promise<unknown[]> {
  const swept = [...(grid[ENERGY] ?? []), ...list.flatMap((values) => values[ENERGY] ?? [])];
  // Without a name it is the default one.
  const names = [...machines.map(({ config }) => config.energy), ...swept.filter((name) => typeof name === "string")];
  const tables = await Promise.allSettled([...new Set(names)].map((name) => loadEnergyTable(name)));
  return tables.flatMap((table) => (table.status === "fulfilled" ? [table.value.config] : []));
}

function inPieces(group: readonly PlannedPoint[]): Piece[] {
  const count = Math.ceil(group.length / POINTS_AT_ONCE);
  return Array.from({ length: count }, (_, i) => group.slice(i * POINTS_AT_ONCE, (i + 1) * POINTS_AT_ONCE));
}

type Work = (onPoint: (point: FinishedPoint) => void, signal: AbortSignal | undefined) => Promise<void>;
type Pieces = readonly Piece[];

/** Ends when all points are done, or at once when it is interrupted. */
function onThreads(spec: SweepSpec, pieces: Pieces, threads: number): Work {
  return async (onPoint, signal) => {
    const next = pieceDispatcher(pieces);
    const workers: Worker[] = [];
    const work = () =>
      new Promise<void>((resolve, reject) => {
        const worker = new Worker(WORKER, { workerData: spec satisfies PointSources });
        workers.push(worker);
        let piece: Piece | undefined;
        worker.on("error", (error) => reject(fromThread(error)));
        worker.on("exit", () => resolve());
        worker.on("message", (message: FinishedPoint | "ready") => {
          if (signal?.aborted) return;
          try {
            if (message !== "ready") return onPoint(message);
          } catch (error) {
            return reject(error);
          }
          piece = next(piece);
          if (piece === undefined) resolve();
          else worker.postMessage(piece);
        });
      });
    const stop = () => Promise.all(workers.map((worker) => worker.terminate()));
    signal?.addEventListener("abort", stop, { once: true });
    try {
      if (signal?.aborted) return;
      await Promise.all(Array.from({ length: threads }, work));
    } finally {
      signal?.removeEventListener("abort", stop);
      await stop();
    }
  };
}

function here(spec: SweepSpec, pieces: Pieces): Work {
  return async (onPoint, signal) => {
    const run = await pointRunner(spec);
    for (const point of pieces.flat()) {
      // Lets a signal in.
      await setImmediate();
      if (signal?.aborted) return;
      onPoint({ index: point.index, ...(await run(point)) });
    }
  };
}

/** Lines that are written together, while the ones before them are on their way to the disk. */
class Batches {
  readonly #write: (lines: readonly string[]) => Promise<void>;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #fault: unknown;

  constructor(write: (lines: readonly string[]) => Promise<void>) {
    this.#write = write;
  }

  /** @throws Error where an earlier line could not be written. */
  add(line: string): void {
    if (this.#fault !== undefined) throw this.#fault;
    this.#waiting.push(line);
    this.#writing ??= this.#writeAll();
  }

  /** Waits until all lines are on the disk. @throws Error where they cannot be written. */
  async written(): Promise<void> {
    await this.#writing;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #writeAll(): Promise<void> {
    // After this turn, so that points that come in together go out together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#fault === undefined) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#write(batch).catch((error: unknown) => {
        this.#fault = error;
      });
    }
    this.#writing = undefined;
  }
}
