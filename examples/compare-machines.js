/**
 * What a recorded step gains on every machine of 4,096 MACs a cycle, one line as each is done; Ctrl-C stops it between two ops.
 *
 *     node examples/compare-machines.js [TRACE]
 */
import { fileURLToPath } from "node:url";
import { readTrace, shippedMachines, simulate } from "swat-sim";

const bundled = fileURLToPath(import.meta.resolve("swat-sim/traces/resnet8-swat-u90.safetensors"));
const trace = await readTrace(process.argv[2] ?? bundled);

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

for (const name of await shippedMachines()) {
  if (!name.endsWith("-4096")) continue;
  const { machines } = await simulate({ traces: [trace], machines: [name], signal: stop.signal });
  const { speedup, seconds, energy } = machines[0].totals.training;
  const saved = energy?.ratio?.toFixed(2) ?? "–";
  console.log(`${name}: ${speedup?.toFixed(2)} × faster, ${(seconds * 1e3).toFixed(3)} ms, ${saved} × less energy`);
}
