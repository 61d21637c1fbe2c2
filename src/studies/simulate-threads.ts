/** Simulates with several threads: the ops of the traces are dealt out one by one, and every op gives the same wherever it is done. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { denseMacs } from "../sim/mac-counts.ts";
import type { SimulationResult } from "../sim/result.ts";
import { type Helpers, type OpCosts, type SimulationInput, simulate } from "../sim/simulate.ts";
import { isMacOp } from "../trace/manifest.ts";
import { openSimulation, type SimulationFiles } from "./inputs.ts";

/** Dense MACs × machines from which on starting a thread pays. */
const WORTH_A_THREAD = 2e10;
const HELPER = new URL("./simulate-helper.js", import.meta.url);

/** Opens the files and simulates on `threads` threads, or where that is not given on as many as pay. @throws as `openSimulation` and `simulate`. */
export async function simulateFiles(
  files: SimulationFiles,
  settings: Pick<SimulationInput, "allowUnequal" | "onProgress"> & {
    readonly threads?: number;
    readonly onOpen?: (input: SimulationInput) => void;
  },
): Promise<SimulationResult> {
  const { threads: asked, onOpen, ...rest } = settings;
  const input = await openSimulation(files);
  onOpen?.(input);
  const threads = asked ?? (isWorth(input) ? availableParallelism() : 1);
  const helpers = threads > 1 && isBuilt() ? startHelpers(files, threads - 1) : undefined;
  return simulate({ ...input, ...rest, ...(helpers === undefined ? {} : { helpers }) });
}

/** A helper is a file of its own: sources that run without a build have none. */
function isBuilt(): boolean {
  return import.meta.url.endsWith(".js");
}

function isWorth({ traces, baselineTraces = [], machines }: SimulationInput): boolean {
  let macs = 0;
  for (const { trace } of [...traces, ...baselineTraces]) {
    for (const op of trace.manifest.ops) if (isMacOp(op)) macs += denseMacs(op.geometry);
  }
  return macs * machines.length >= WORTH_A_THREAD;
}

function startHelpers(files: SimulationFiles, count: number): Helpers {
  const counter = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return {
    take: () => Atomics.add(counter, 0, 1),
    async finish(onOp) {
      const workers = Array.from({ length: count }, () => new Worker(HELPER, { workerData: { files, counter } }));
      const done = workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.on("message", (finished: OpCosts) => onOp(finished));
            worker.on("error", reject);
            worker.on("exit", () => resolve());
          }),
      );
      await Promise.all(done).finally(() => Promise.all(workers.map((worker) => worker.terminate())));
    },
  };
}
