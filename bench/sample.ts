/**
 * What a sample saves and what it costs: CPU time of an exact simulation over that of samples, the error of the cycles of
 * the whole step, the half-width that was reported for them, and how many rows' intervals hold the exact cycles. On one thread.
 * `npx tsx bench/sample.ts [network] [batch] [machine…]`
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSimulation } from "../src/api/open.ts";
import type { MachineResult } from "../src/sim/result/result.ts";
import { simulate } from "../src/sim/simulate.ts";
import { builtProgram } from "../test/cli/build.ts";

const [network = "resnet18", batch = "32", ...named] = process.argv.slice(2);
const hw = named.length > 0 ? named : ["tensordash-4096", "bit-tactical-4096", "sigma-4096", "scnn-4096"];
const SHARES = [0.25, 0.1];
const MICRO = 1e6;

const folder = mkdtempSync(join(tmpdir(), "swat-sim-bench-"));
const trace = join(folder, "step.safetensors");
const synth = ["trace", "synth", "--network", network, "--method", "swat-u", "--sparsity", "0.9", "--batch", batch];
execFileSync(process.execPath, [await builtProgram(), ...synth, "--out", trace], { stdio: "ignore" });

async function timed(machine: string, share?: number): Promise<{ result: MachineResult; seconds: number }> {
  const sample = share === undefined ? {} : { sample: { share, seed: "1" } };
  const input = await openSimulation({ traces: [trace], hw: [machine], ...sample });
  const start = process.cpuUsage();
  const { machines } = await simulate(input);
  const { user, system } = process.cpuUsage(start);
  return { result: machines[0], seconds: (user + system) / MICRO };
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`.padStart(9);
console.log(
  `${network}, batch ${batch}; CPU seconds, times faster, error and half-width of array cycles, rows that cover`,
);
for (const machine of hw) {
  const exact = await timed(machine);
  console.log(`${machine.padEnd(20)} exact ${exact.seconds.toFixed(1).padStart(7)}`);
  const { cycles } = exact.result.totals.matmul.compute;
  for (const share of SHARES) {
    const { result, seconds } = await timed(machine, share);
    const { compute, ci95 = {} } = result.totals.matmul;
    const rows = result.rows.filter(({ sample }) => sample !== undefined);
    const covered = result.rows.filter(({ sample, cycles }, index) => {
      const off = Math.abs(cycles.compute - exact.result.rows[index].cycles.compute);
      return sample !== undefined && off <= (sample.ci95["cycles.compute"] ?? 0);
    });
    const columns = [
      `${percent(share)} ${seconds.toFixed(1).padStart(7)}`,
      `${(exact.seconds / seconds).toFixed(2)} ×`.padStart(9),
      percent(Math.abs(compute.cycles / cycles - 1)),
      percent((ci95["compute.cycles"] ?? 0) / cycles),
      `${covered.length} of ${rows.length}`.padStart(10),
    ];
    console.log(`${"".padEnd(16)}${columns.join(" ")}`);
  }
}
rmSync(folder, { recursive: true });
