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
import { type DensityStatistics, densityStatistics } from "../src/trace/statistics.ts";
import type { Trace } from "../src/trace/trace.ts";

const groups: string[][] = [[]];
for (const argument of process.argv.slice(2)) {
  if (argument === "--") groups.push([]);
  else (groups.at(-1) as string[]).push(argument);
}

const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
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

const steps = results[0].traces.map(({ step }) => step);
const heads = results.flatMap(({ traces }) => [
  `${methodOf(traces[0])}: steps ${steps.join(", ")}`,
  "sum (whole step)",
]);
console.log(line(["machine", ...heads]));
console.log(line(["---", ...heads.map(() => "---")]));
for (const [index, machine] of hw.entries()) {
  const cells = results.flatMap(({ machines }) => {
    const { rows } = machines[index];
    const each = steps.map((_, trace) => speedup(rows.filter((row) => row.trace === trace && isMac(row))));
    return [each.join(", "), `${speedup(rows.filter(isMac))} (${speedup(rows)})`];
  });
  console.log(line([machine.replace(/-4096$/, ""), ...cells]));
}

/** Means over the convolutions behind the first one whose operand is not dense in a pass: density, and its spreads over slices and channels. */
async function spreadsOf(trace: Trace, operand: "weight" | "input" | "outputGrad", pass: string): Promise<string> {
  const [first, ...ops] = trace.manifest.ops.filter(isMacOp);
  const all: DensityStatistics[] = [];
  for (const op of ops) {
    if (op.layer === first.layer || op.pass !== pass || op.kind !== "conv") continue;
    const { id, shape, nonzeros } = trace.tensor(op.operands[operand] as string);
    if (nonzeros < shape.reduce((a, b) => a * b, 1)) all.push(densityStatistics(await trace.mask(id)));
  }
  if (all.length === 0) return "–";
  const means = (["density", "spreadOverSlices", "spreadOverChannels"] as const).map(
    (name) => all.reduce((sum, each) => sum + each[name], 0) / all.length,
  );
  return means.map((value) => value.toFixed(2)).join(", ");
}

console.log("");
console.log(line(["training", "step", "weights", "inputs forward", "inputs saved", "output gradients"]));
console.log(line(Array(6).fill("---")));
for (const paths of groups) {
  for (const { trace } of await openTraces(paths)) {
    const { method, step } = trace.manifest;
    const cells = [
      await spreadsOf(trace, "weight", "forward"),
      await spreadsOf(trace, "input", "forward"),
      await spreadsOf(trace, "input", "weightGrad"),
      await spreadsOf(trace, "outputGrad", "weightGrad"),
    ];
    console.log(line([methodOf({ method: method.name, sparsity: method.sparsity }), step, ...cells]));
  }
}
