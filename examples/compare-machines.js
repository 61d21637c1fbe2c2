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
  const [{ totals, baseline }] = machines;
  const { speedup, seconds, energy } = totals.training;
  const over = `${speedup?.toFixed(2)} × over ${baseline.name}`;
  console.log(`${name}: ${(seconds * 1e6).toFixed(1)} µs, ${over}, ${energy?.ratio?.toFixed(2) ?? "–"} × less energy`);
}
