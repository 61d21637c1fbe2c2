/**
 * Speed of sweeps of the bundled trace, 500 points each: where memory alone differs within a set of parameters, and where all
 * parameters differ. Runs the program as it is built, with its threads. `npx tsx bench/sweep.ts [threads]`
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { builtProgram } from "../test/cli/build.ts";

const threads = process.argv[2] ?? String(availableParallelism());
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const GRIDS = {
  "memory and array": {
    "params.rows": upTo(5),
    "params.lookahead": upTo(5),
    "memory.dram.channels": [1, 2, 4, 8],
    "memory.resident": [0.1, 0.3, 0.5, 0.7, 0.9],
  },
  "array alone": { "params.rows": upTo(5), "params.columns": upTo(5), "params.tiles": upTo(20) },
};
const POINTS = 500;

const program = await builtProgram();
const folder = mkdtempSync(join(tmpdir(), "swat-sim-bench-"));
const traces = ["traces/resnet8-swat-u90.safetensors"];
console.log(`${POINTS} points, ${threads} threads; seconds, points/s`);
for (const [name, grid] of Object.entries(GRIDS)) {
  const spec = join(folder, "spec.json");
  writeFileSync(spec, JSON.stringify({ machines: ["tensordash-4096"], traces, grid }));
  const start = performance.now();
  execFileSync(process.execPath, [program, "sweep", spec, "--out", join(folder, name), "--threads", threads]);
  const seconds = (performance.now() - start) / 1e3;
  console.log(`${name.padEnd(18)}${seconds.toFixed(1).padStart(8)}${(POINTS / seconds).toFixed(1).padStart(8)}`);
}
rmSync(folder, { recursive: true });
