/**
 * One training step of every network at full size, dense and SWAT-U 90 %: trained, recorded, verified and simulated on
 * TensorDash, each in a process of its own, and held against the laws of `test/studies/network-step.ts`. Prints CPU seconds, the
 * size of the trace, the peak of resident memory, densities, and TensorDash's speedup. Batch 2 on 32×32 images, 1 on
 * 224×224; one thread of kernels. `npx tsx bench/all-networks.ts [network]`
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sizeOf } from "../src/core/geometry.ts";
import { networkNamed, networks } from "../src/networks/index.ts";
import type { TensorRole } from "../src/trace/manifest.ts";
import type { Trace } from "../src/trace/trace.ts";
import { networkStep, STEP_METHODS, type StepMethod, stepFaults } from "../test/studies/network-step.ts";

const COLUMNS: readonly (readonly [head: string, width: number])[] = [
  ["network", 18],
  ["method", 8],
  ["step s", 8],
  ["record s", 10],
  ["verify s", 10],
  ["simulate s", 12],
  ["trace MB", 10],
  ["peak MB", 9],
  ["weights", 9],
  ["inputs", 9],
  ["speedup", 9],
];
const SMALL = 32;

function print(cells: readonly string[]): void {
  const padded = cells.map((cell, i) => (i < 2 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1])));
  console.log(padded.join(""));
}

/** Nonzeros / size over all tensors of a role. */
function density({ manifest }: Trace, role: TensorRole): number {
  const tensors = manifest.tensors.filter((tensor) => tensor.role === role);
  const nonzeros = tensors.reduce((sum, tensor) => sum + tensor.nonzeros, 0);
  return nonzeros / tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

async function measure(name: string, method: StepMethod): Promise<void> {
  const { image, classes, build } = networkNamed(name);
  const side = Math.max(SMALL, image[1]);
  const network = build([3, side, side], classes);
  const step = await networkStep(network, method, side === SMALL ? 2 : 1);
  const { trace, traceBytes, seconds, result } = step;
  print([
    name,
    method,
    ...[seconds.step, seconds.record, seconds.verify, seconds.simulate].map((value) => value.toFixed(2)),
    (traceBytes / 1e6).toFixed(1),
    (process.resourceUsage().maxRSS / 1e3).toFixed(0),
    density(trace, "weight").toFixed(4),
    density(trace, method === "dense" ? "activation" : "savedActivation").toFixed(4),
    Number(result.machines[0].totals.training.speedup).toFixed(2),
  ]);
  const faults = stepFaults(network, method, step);
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

const [only, method] = process.argv.slice(2);
const asked = STEP_METHODS.find((known) => known === method);
if (asked !== undefined) await measure(only, asked);
else {
  print(COLUMNS.map(([head]) => head));
  for (const { name } of networks.filter((network) => only === undefined || network.name === only)) {
    for (const each of STEP_METHODS) {
      const child = [...process.execArgv, fileURLToPath(import.meta.url), name, each];
      if (spawnSync(process.execPath, child, { stdio: "inherit" }).status !== 0) process.exitCode = 1;
    }
  }
}
