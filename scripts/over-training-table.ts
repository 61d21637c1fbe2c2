/**
 * Prints the tables of docs/over-training.md: speed-ups of steps recorded along a training run, step by step and as sums of
 * seconds over the steps, and how unevenly their zeros are spread.
 *
 *     npx tsx scripts/over-training-table.ts traces/resnet20-dense-*.safetensors -- traces/resnet20-swat-u80-*.safetensors -- …
 *
 * Groups of steps are separated by `--`; the first is dense training.
 */
import type { ResultRow } from "../src/sim/result.ts";
import { loadMachines, openTraces } from "../src/studies/inputs.ts";
import { simulateFiles } from "../src/studies/simulate-threads.ts";
import { isMacOp } from "../src/trace/manifest.ts";
import { densityStatistics } from "../src/trace/statistics.ts";
import type { Trace } from "../src/trace/trace.ts";

const groups: string[][] = [[]];
for (const argument of process.argv.slice(2)) {
  if (argument === "--") groups.push([]);
  else (groups.at(-1) as string[]).push(argument);
}

const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
const mean = (values: readonly number[]) =>
  values.length === 0 ? "–" : (values.reduce((a, b) => a + b) / values.length).toFixed(2);
const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";
const methodOf = ({ method, sparsity }: { method: string; sparsity?: number | undefined }) =>
  sparsity === undefined || method === "dense" ? method : `${method} ${Math.round(100 * sparsity)} %`;

/** Baseline seconds over seconds of some rows. */
function speedup(rows: readonly ResultRow[]): string {
  const sum = (of: (row: ResultRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return (sum(({ baselineSeconds }) => baselineSeconds) / sum(({ seconds }) => seconds)).toFixed(2);
}

const hw = (await loadMachines(["all"])).map(({ name }) => name).filter((name) => name.endsWith("-4096"));
const results = [];
for (const traces of groups) results.push(await simulateFiles({ traces, hw }, {}));

const heads = results.map(({ traces }) => methodOf(traces[0]));
const steps = results[0].traces.map(({ step }) => step);
console.log(`Steps ${steps.join(", ")} and their sum; all multiplications, with memory; in brackets whole steps.\n`);
console.log(line(["machine", ...heads.flatMap((head) => [...steps.map((step) => `${head}, step ${step}`), "sum"])]));
console.log(line(["---", ...heads.flatMap(() => [...steps, "sum"].map(() => "---"))]));
for (const [index, machine] of hw.entries()) {
  const cells = results.flatMap(({ machines }) => {
    const { rows } = machines[index];
    const shown = (some: readonly ResultRow[]) => `${speedup(some.filter(isMac))} (${speedup(some)})`;
    return [...steps.keys()].map((trace) => shown(rows.filter((row) => row.trace === trace))).concat(shown(rows));
  });
  console.log(line([machine.replace(/-4096$/, ""), ...cells]));
}

/** Mean over the layers of density and spreads of what an operand was in a pass, selections only where `selected`. */
async function operandCells(trace: Trace, operand: "weight" | "input" | "outputGrad", pass: string, selected: boolean) {
  const all = [];
  for (const op of trace.manifest.ops.filter(isMacOp)) {
    if (op.pass !== pass || op.kind !== "conv") continue;
    const tensor = trace.tensor(op.operands[operand] as string);
    if (selected && tensor.nonzeros === tensor.shape.reduce((a, b) => a * b, 1)) continue;
    all.push(densityStatistics(await trace.mask(tensor.id)));
  }
  return [
    mean(all.map(({ density }) => density)),
    mean(all.map(({ spreadOverSlices }) => spreadOverSlices)),
    mean(all.map(({ spreadOverChannels }) => spreadOverChannels)),
  ];
}

console.log(
  "\nMeans over the convolutions that are not dense: density, spread over filters (or images), spread over channels.\n",
);
console.log(
  line(["training", "step", "weight", "", "", "input, forward", "", "", "input, saved", "", "", "outputGrad", "", ""]),
);
console.log(line(Array(14).fill("---")));
for (const paths of groups) {
  for (const { trace } of await openTraces(paths)) {
    const { method, step } = trace.manifest;
    const name = methodOf({ method: method.name, sparsity: method.sparsity });
    console.log(
      line([
        name,
        step,
        ...(await operandCells(trace, "weight", "forward", true)),
        ...(await operandCells(trace, "input", "forward", true)),
        ...(await operandCells(trace, "input", "weightGrad", true)),
        ...(await operandCells(trace, "outputGrad", "weightGrad", true)),
      ]),
    );
  }
}
