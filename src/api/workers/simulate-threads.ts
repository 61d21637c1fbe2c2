/** Simulates with several threads: the ops of the traces are dispatched out one by one, and every op gives the same wherever it is done. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { denseMacs } from "../../core/dense-macs.ts";
import { usefulThreads } from "../../core/threads.ts";
import { fromThread } from "../../io/faults.ts";
import { rankedMachines } from "../../sim/result/ranking.ts";
import type { SimulationResult, StreamedResult } from "../../sim/result/result.ts";
import { type NewRowList, rowsInMemory } from "../../sim/result/row-list.ts";
import { inMemory } from "../../sim/result/simulation-result.ts";
import type { Helpers, OpCosts } from "../../sim/run-ops.ts";
import { type SimulationInput, simulateInto } from "../../sim/simulate.ts";
import { isMacOp } from "../../trace/manifest.ts";
import { openSimulation, type SimulationFiles } from "../open.ts";
import { type HelperWork, type SimulationSources, workOf } from "./work.ts";

/** Dense MACs × machines from which on starting a thread pays. */
const WORTH_A_THREAD = 2e10;
const HELPER = new URL("./simulate-worker.js", import.meta.url);

/** How to simulate files. */
export interface SimulationSettings extends Pick<SimulationInput, "allowUnequal" | "onProgress" | "signal"> {
  /** As many as pay where not given; the result is the same for any number. */
  readonly threads?: number | undefined;
  /** Receives what the user should know about a trace and is no error. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Opens the files and simulates: traces in the order of their steps, and in the result machines in that of their standing and time.
 * What is opened already stays on this thread. @throws as `openSimulation` and `simulate`.
 */
export async function simulateFiles(
  files: SimulationFiles,
  settings: SimulationSettings = {},
): Promise<SimulationResult> {
  return inMemory(await simulateFilesInto(rowsInMemory, files, settings));
}

/** The same with rows wherever `newList` keeps them. */
export async function simulateFilesInto(
  newList: NewRowList,
  files: SimulationFiles,
  { onWarning, ...settings }: SimulationSettings = {},
): Promise<StreamedResult> {
  const opened = await openSimulation(files);
  for (const { trace } of [...opened.traces, ...(opened.baselineTraces ?? [])])
    for (const text of trace.warnings) onWarning?.(text);
  const ascending = opened.traces
    .map((trace, index) => ({ trace, file: files.traces[index] }))
    .sort((a, b) => a.trace.trace.manifest.step - b.trace.trace.manifest.step);
  const input = { ...opened, traces: ascending.map(({ trace }) => trace) };
  const sources = sourcesOf({ ...files, traces: ascending.map(({ file }) => file) });
  const result = await simulateOpenedInto(newList, input, sources, settings);
  return { ...result, machines: rankedMachines(result.machines) };
}

/** Simulates what is opened, on several threads where others can open it again; rows are wherever `newList` keeps them. @throws as `simulate`. */
export async function simulateOpenedInto(
  newList: NewRowList,
  input: SimulationInput,
  sources: SimulationSources | null,
  { threads: asked, ...rest }: Omit<SimulationSettings, "onWarning"> = {},
): Promise<StreamedResult> {
  const cores = availableParallelism();
  const threads = usefulThreads(asked ?? (isWorth(input) ? cores : 1), cores);
  if (threads === 1 || !isBuilt() || sources === null) return simulateInto(newList, { ...input, ...rest });
  const { close, ...helpers } = startHelpers(workOf({ ...input, ...rest }, sources), threads - 1, rest.signal);
  try {
    return await simulateInto(newList, { ...input, ...rest, helpers });
  } finally {
    await close();
  }
}

/** Null where something was opened by the caller, who may have changed it. */
function sourcesOf(files: SimulationFiles): SimulationSources | null {
  const { traces, baselineTraces = [], hw, baseline = "", modules = [], ownRefreshes = false } = files;
  const areNames = [...hw, baseline].every((item) => typeof item === "string");
  return areNames && arePaths(traces) && arePaths(baselineTraces)
    ? { traces, baselineTraces, modules, ownRefreshes }
    : null;
}

function arePaths(traces: SimulationFiles["traces"]): traces is readonly string[] {
  return traces.every((trace) => typeof trace === "string");
}

/** A helper is a file of its own: sources that run without a build have none. */
function isBuilt(): boolean {
  return import.meta.url.endsWith(".js");
}

/** What has no zeros is counted in closed form. */
function isWorth({ traces, baselineTraces = [], machines }: SimulationInput): boolean {
  let macs = 0;
  for (const { trace } of [...traces, ...baselineTraces]) {
    for (const op of trace.manifest.ops) {
      if (!isMacOp(op)) continue;
      const hasZeros = Object.values(op.operands).some((id) => trace.tensor(id).mask !== undefined);
      if (hasZeros) macs += denseMacs(op.geometry);
    }
  }
  return macs * machines.length >= WORTH_A_THREAD;
}

/** Helpers start with `finish`, which ends early when the signal is aborted; `close` ends them in any case. */
function startHelpers(
  work: HelperWork,
  count: number,
  signal: AbortSignal | undefined,
): Helpers & { close(): Promise<unknown> } {
  const counter = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workers: Worker[] = [];
  const close = () => Promise.all(workers.map((worker) => worker.terminate()));
  return {
    close,
    take: () => Atomics.add(counter, 0, 1),
    async finish(onOp) {
      if (signal?.aborted) return;
      for (let i = 0; i < count; i++) workers.push(new Worker(HELPER, { workerData: { work, counter } }));
      signal?.addEventListener("abort", close, { once: true });
      const done = workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.on("message", (finished: OpCosts) => onOp(finished));
            worker.on("error", (error) => reject(fromThread(error)));
            worker.on("exit", () => resolve());
          }),
      );
      await Promise.all(done).finally(() => signal?.removeEventListener("abort", close));
    },
  };
}
