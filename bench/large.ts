/**
 * Results of many rows: wall and CPU seconds and the largest resident set of writing, reporting and checking them. A trace of a tenth as many tiny
 * ops on the same few tensors is simulated on ten machines.
 * `npx tsx bench/large.ts [rows …]` (10000 100000)
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setBit, zerosMask } from "../src/core/bit-mask.ts";
import { type MacOp, TRACE_VERSION, type TraceOp, type TraceTensor } from "../src/trace/manifest.ts";
import { encodeTrace } from "../src/trace/trace.ts";
import { run } from "./measured-run.ts";

const MACHINES = [
  ...["activation-queue", "bit-tactical", "dadiannao", "ideal", "procrustes", "sigma", "sparse-tensor-core"],
  ...["systolic", "tensordash", "two-sided"],
].map((name) => `${name}-4096`);

const sizes = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "swat-sim-bench-"));
const path = (name: string) => join(folder, name);

/** A step of so many tiny convolutions and activations, which all read and write the same tensors. */
function traceOf(count: number): Uint8Array {
  const shape = [1, 4, 2, 2];
  const geometry: MacOp["geometry"] = {
    ...{ N: 1, C: 4, H: 2, W: 2, K: 4, R: 1, S: 1, groups: 1 },
    ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] },
  };
  const mask = zerosMask(shape);
  const nonzeros = 6;
  for (let i = 0; i < nonzeros; i++) setBit(mask, 0, 2 * i);
  const ops = Array.from({ length: count }, (_, at): TraceOp => {
    const layer = `layer${at >> 1}`;
    if (at % 2 === 1) return { kind: "relu", pass: "forward", layer, reads: ["y"], writes: ["y"] };
    return { kind: "conv", pass: "forward", layer, geometry, operands: { input: "x", weight: "w" }, output: "y" };
  });
  const tensors: TraceTensor[] = [
    { id: "w", role: "weight", shape: [4, 4, 1, 1], nonzeros: 16 },
    { id: "x", role: "activation", shape, nonzeros, mask: "x" },
    { id: "y", role: "activation", shape, nonzeros: 16 },
  ];
  const step = { version: TRACE_VERSION, network: "tiny", method: { name: "dense" }, step: 1 };
  return encodeTrace({ ...step, tensors, ops }, new Map([["x", mask]]));
}

console.log(
  `${"rows".padEnd(10)}${"".padEnd(22)}${["wall s", "CPU s", "MB", "file MB"].map((head) => head.padStart(9)).join("")}`,
);
for (const rows of sizes.length === 0 ? [1e4, 1e5] : sizes) {
  const trace = path("trace.safetensors");
  writeFileSync(trace, traceOf(rows / MACHINES.length));
  const tell = (what: string, output: string, ...args: string[]) => {
    const { seconds, cpu, megabytes } = run(...args);
    const size = output === "" ? "" : (statSync(output).size / 1e6).toFixed(1);
    const cells = [seconds.toFixed(1), cpu.toFixed(1), megabytes.toFixed(0), size].map((cell) => cell.padStart(9));
    console.log(`${String(rows).padEnd(10)}${what.padEnd(22)}${cells.join("")}`);
  };
  const [json, csv, html, counts] = ["result.json", "result.csv", "report.html", "counts.json"].map(path);
  const simulated = ["simulate", trace, "--hw", ...MACHINES, "--allow-unequal"];
  tell("simulate --out", json, ...simulated, "--out", json);
  tell("simulate --csv", csv, ...simulated, "--csv", csv);
  tell("report --html", html, "report", json, "--html", html);
  tell("check record", counts, "check", "record", trace, "--hw", ...MACHINES, "-o", counts);
  tell("check run", "", "check", "run", counts);
}
rmSync(folder, { recursive: true });
