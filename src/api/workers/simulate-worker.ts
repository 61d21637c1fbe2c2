/** A thread that does a share of a simulation: opens the same traces, with the same machines, and takes ops from the common counter. */
import { parentPort, workerData } from "node:worker_threads";
import { simulateOps } from "../../sim/run-ops.ts";
import { type HelperWork, openWork } from "./work.ts";

const { work, counter } = workerData as { work: HelperWork; counter: Int32Array };

await simulateOps(
  await openWork(work),
  () => Atomics.add(counter, 0, 1),
  (done) => parentPort?.postMessage(done),
);
