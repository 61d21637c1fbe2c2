/**
 * Reach at full size: what simulating ResNet-50 and ResNet-18 for ImageNet takes, on the program as it is built. CPU seconds are of
 * all threads, from the start of the process to its end; memory is the largest resident set. Figures of other simulators are
 * those that their runs took on a machine of their own: the ratios tell orders of magnitude.
 * `npx tsx bench/reach.ts [batch of the large one]`
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadMachines, openTraces, shippedMachines } from "../src/api/open.ts";
import { synthesizeTrace } from "../src/api/synthesize.ts";
import { memorySource } from "../src/io/byte-source.ts";
import { accelerators } from "../src/sim/arrays/index.ts";
import { prepareOperation } from "../src/sim/operation/ablations.ts";
import { simulate } from "../src/sim/simulate.ts";
import { isMacOp } from "../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../src/trace/trace.ts";
import { run, type Taken } from "./measured-run.ts";

const LARGE_BATCH = process.argv[2] ?? "32";
const folder = mkdtempSync(join(tmpdir(), "swat-sim-bench-"));
const path = (name: string) => join(folder, name);

function tell(what: string, took: Taken, beside?: { readonly of: string; readonly cpu: readonly number[] }): void {
  const { seconds, cpu, megabytes } = took;
  const cells = [seconds.toFixed(1), cpu.toFixed(1), Number.isNaN(megabytes) ? "" : megabytes.toFixed(0)].map((cell) =>
    cell.padStart(9),
  );
  const ratios = beside?.cpu.map((other) => (other / took.cpu).toFixed(0)).join("–");
  console.log(what.padEnd(62) + cells.join("") + (beside === undefined ? "" : `   ${ratios} × ${beside.of}`));
}

console.log(`${"".padEnd(62)}${["wall s", "CPU s", "MB"].map((head) => head.padStart(9)).join("")}`);

const one = path("r50-1.safetensors");
const synth = (batch: string, output: string) =>
  run(
    ..."trace synth --network resnet50-imagenet --method swat-u --sparsity 0.8".split(" "),
    "--batch",
    batch,
    "-o",
    output,
  );
tell("ResNet-50, batch 1: trace synth", synth("1", one));
tell(
  "  tensordash-4096 and dense, all passes, one thread",
  run("simulate", one, "--hw", "tensordash-4096", "--threads", "1"),
);
const fast = (await loadMachines(await shippedMachines(), accelerators)).filter(
  ({ accelerator }) => accelerator.id !== "scnn",
);
const names = fast.map(({ name }) => name);
tell(`  all ${names.length} machines but SCNN, one thread`, run("simulate", one, "--hw", ...names, "--threads", "1"));
tell("  scnn-4096, all passes, one thread", run("simulate", one, "--hw", "scnn-4096", "--threads", "1"));
tell("  bit-tactical, all passes, one thread", run("simulate", one, "--hw", "bit-tactical", "--threads", "1"));
const forward = path("r50-forward.safetensors");
const step = synthesizeTrace({ network: "resnet50-imagenet", method: "swat-u", sparsity: 0.8, batch: 1 });
const ops = step.manifest.ops.filter((op) => isMacOp(op) && op.pass === "forward");
writeFileSync(forward, encodeTrace({ ...step.manifest, ops }, step.masks));
tell("  bit-tactical, forward, one thread", run("simulate", forward, "--hw", "bit-tactical", "--threads", "1"), {
  of: "DNNsim (5–13 CPU minutes)",
  cpu: [300, 780],
});

const before = process.cpuUsage();
const start = performance.now();
await simulate({ traces: await openTraces([forward]), machines: await loadMachines(["bit-tactical"], accelerators) });
const { user, system } = process.cpuUsage(before);
const alone = { seconds: (performance.now() - start) / 1e3, cpu: (user + system) / 1e6, megabytes: Number.NaN };
tell("  the same without the start of a process", alone, { of: "DNNsim", cpu: [300, 780] });

const large = path("r50-large.safetensors");
tell(`ResNet-50, batch ${LARGE_BATCH}: trace synth`, synth(LARGE_BATCH, large));
tell("  tensordash-4096 and dense, two threads", run("simulate", large, "--hw", "tensordash-4096", "--threads", "2"));

// ResNet-18 for images of 224 x 224: blocks of two convolutions, and a projection where the image shrinks.
const layers = ["conv1, 230, 230, 7, 7, 3, 64, 2"];
for (const [stage, width] of [64, 128, 256, 512].entries()) {
  const side = 56 >> stage;
  for (let block = 0; block < 2; block++) {
    const first = stage > 0 && block === 0;
    const name = `layer${stage + 1}.${block}`;
    const [from, entry] = first ? [width / 2, 2 * side + 1] : [width, side + 2];
    layers.push(`${name}.conv1, ${entry}, ${entry}, 3, 3, ${from}, ${width}, ${first ? 2 : 1}`);
    layers.push(`${name}.conv2, ${side + 2}, ${side + 2}, 3, 3, ${width}, ${width}, 1`);
    if (first) layers.push(`${name}.projection, ${2 * side}, ${2 * side}, 1, 1, ${from}, ${width}, 2`);
  }
}
layers.push("fc, 1, 1, 1, 1, 512, 1000, 1");
const header = "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides";
writeFileSync(path("resnet18.csv"), `${[header, ...layers].join(",\n")},\n`);
run("trace", "import", "scalesim", path("resnet18.csv"), "-o", path("r18.safetensors"));
const array = { rows: 128, columns: 128, dataflow: "ws", batch: "fold" };
const storage = { weight: "dense", input: "dense", outputGrad: "dense" };
const memory = { onChip: "28 MiB", dram: { bandwidth: "34 GB/s" }, storage };
const datatype = { multiply: "int8", accumulate: "int32" };
const source = "this bench";
const machine = {
  name: "systolic-128",
  source,
  accelerator: "systolic",
  clock: "700 MHz",
  datatype,
  params: array,
  memory,
};
writeFileSync(path("systolic-128.json"), JSON.stringify(machine));
tell(
  "ResNet-18, forward, 128 x 128 systolic array, all counts",
  run("simulate", path("r18.safetensors"), "--hw", path("systolic-128.json")),
  {
    of: "SCALE-Sim v3 (195 CPU s, 3.4 GB)",
    cpu: [195],
  },
);

// A dense matrix product is counted in closed form: beside one of 8 × 8 × 8, which is the start of the program alone.
for (const size of ["8, 8, 8", "4096, 4096, 65536"]) {
  writeFileSync(path("gemm.csv"), `Layer, M, N, K,\ngemm, ${size},\n`);
  run("trace", "import", "scalesim", path("gemm.csv"), "-o", path("gemm.safetensors"));
  for (const name of ["systolic-4096", "tensordash-two-sided-4096", "two-sided-4096", "sigma-4096", "scnn-4096"]) {
    tell(
      `dense product of ${size}: ${name}`,
      run("simulate", path("gemm.safetensors"), "--hw", name, "--threads", "1"),
    );
  }
}

// The sparse product as STONNE is given it: weights of a layer at 80 %, on 128 multipliers.
const { manifest, masks } = synthesizeTrace({ network: "resnet20", method: "swat-u", sparsity: 0.8, batch: 1 });
const trace = await openTrace(memorySource("resnet20", encodeTrace(manifest, masks)));
const [sigma] = await loadMachines(["sigma"], accelerators);
const params = { ...sigma.params, multipliers: 128, distributionBandwidth: 64, reductionBandwidth: 64 };
let macs = 0;
let milliseconds = 0;
for (const op of manifest.ops.filter(isMacOp).filter(({ pass }) => pass === "forward")) {
  const prepared = await prepareOperation(trace, op);
  const start = performance.now();
  sigma.accelerator.run(prepared.actual, params);
  milliseconds += performance.now() - start;
  macs += prepared.macs.effectual;
}
const speed = macs / milliseconds / 1e3;
console.log(
  `sigma, 128 multipliers, ResNet-20 forward: ${speed.toFixed(0)} M effectual MAC/s   ${(speed / 0.26).toFixed(0)}–${(speed / 0.05).toFixed(0)} × STONNE (0.05–0.26)`,
);
rmSync(folder, { recursive: true });
