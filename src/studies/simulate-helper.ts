/** A thread that does a share of a simulation: opens the same traces and machines and takes ops from the common counter. */
import { parentPort, workerData } from "node:worker_threads";
import { simulateOps } from "../sim/simulate.ts";
import { openSimulation, type SimulationFiles } from "./inputs.ts";

const { files, counter } = workerData as { files: SimulationFiles; counter: Int32Array };

await simulateOps(
  await openSimulation(files),
  () => Atomics.add(counter, 0, 1),
  (done) => parentPort?.postMessage(done),
);
