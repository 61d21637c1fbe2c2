/**
 * Prints the tables of docs/over-training.md: speed-ups of steps recorded along a training run over the common dense array, step by
 * step and of their means, and how unevenly their zeros are spread.
 *
 *     npx tsx scripts/over-training-table.ts traces/resnet20-dense-*.safetensors -- traces/resnet20-swat-u80-*.safetensors -- …
 *
 * Groups of steps are separated by `--`; the first is dense training.
 */

import { openTraces } from "../src/api/open.ts";
import { simulateFiles } from "../src/api/workers/simulate-threads.ts";
import type { ResultRow } from "../src/sim/result/result.ts";
import { isMacOp } from "../src/trace/manifest.ts";
import { densityStatistics } from "../src/trace/statistics.ts";
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

const results = [];
for (const traces of groups) results.push(await simulateFiles({ traces, hw: ["equal-peak"] }, {}));
// A result lists machines by time; the order here is that of the last, which is the sparsest.
const hw = results[results.length - 1].machines.map(({ name }) => name);

const steps = results[0].traces.map(({ step }) => step);
const heads = results.flatMap(({ traces }) => [
  `${methodOf(traces[0])}: steps ${steps.join(", ")}`,
  "mean (whole step)",
]);
console.log(line(["machine", ...heads]));
console.log(line(["---", ...heads.map(() => "---")]));
for (const machine of hw) {
  const cells = results.flatMap(({ machines }) => {
    const rows = machines.find(({ name }) => name === machine)?.rows ?? [];
    const each = steps.map((_, trace) => speedup(rows.filter((row) => row.trace === trace && isMac(row))));
    return [each.join(", "), `${speedup(rows.filter(isMac))} (${speedup(rows)})`];
  });
  console.log(line([machine.replace(/-4096$/, ""), ...cells]));
}

interface Spreads {
  readonly density: number;
  readonly spreadOverSlices: number;
  readonly spreadOverChannels: number;
}

/** Of each convolution behind the first one: the density of an operand in a pass, and its spreads over slices and channels. */
async function spreadsOf(trace: Trace, operand: "weight" | "input" | "outputGrad", pass: string): Promise<Spreads[]> {
  const [first, ...ops] = trace.manifest.ops.filter(isMacOp);
  const all: Spreads[] = [];
  for (const op of ops) {
    if (op.layer === first.layer || op.pass !== pass || op.kind !== "conv") continue;
    const { id, shape, nonzeros } = trace.tensor(op.operands[operand] as string);
    const isDense = nonzeros === shape.reduce((a, b) => a * b, 1);
    all.push(isDense ? DENSE : densityStatistics(await trace.mask(id)));
  }
  return all;
}

const DENSE: Spreads = { density: 1, spreadOverSlices: 0, spreadOverChannels: 0 };

/** Means of an operand, and how many convolutions have zeros in it, unless all have. */
function means(all: readonly Spreads[]): string {
  const sparse = all.filter(({ density }) => density < 1).length;
  if (sparse === 0) return "1";
  const mean = (name: keyof Spreads) => (all.reduce((sum, each) => sum + each[name], 0) / all.length).toFixed(2);
  const values = `${mean("density")}, ${mean("spreadOverSlices")}, ${mean("spreadOverChannels")}`;
  return sparse === all.length ? values : `${values} (${sparse} of ${all.length})`;
}

/** The spread over filters that independent bits of the same densities would have, as counts vary. */
function ofCounting(trace: Trace): string {
  const [first, ...ops] = trace.manifest.ops.filter(isMacOp);
  const spreads = ops
    .filter(({ layer, pass, kind }) => layer !== first.layer && pass === "forward" && kind === "conv")
    .map(({ operands }) => {
      const { shape, nonzeros } = trace.tensor(operands.weight as string);
      const [filters, ...rest] = shape;
      const size = rest.reduce((a, b) => a * b, 1);
      const density = nonzeros / (filters * size);
      return Math.sqrt((1 - density) / (density * size));
    });
  const mean = spreads.reduce((a, b) => a + b, 0) / spreads.length;
  return mean === 0 ? "–" : mean.toFixed(2);
}

console.log("");
const columns = ["weights", "filters by chance", "inputs forward", "inputs saved", "output gradients"];
console.log(line(["training", "step", ...columns]));
console.log(line(Array(2 + columns.length).fill("---")));
for (const paths of groups) {
  for (const { trace } of await openTraces(paths)) {
    const { method, step } = trace.manifest;
    const cells = [
      means(await spreadsOf(trace, "weight", "forward")),
      ofCounting(trace),
      means(await spreadsOf(trace, "input", "forward")),
      means(await spreadsOf(trace, "input", "weightGrad")),
      means(await spreadsOf(trace, "outputGrad", "weightGrad")),
    ];
    console.log(line([methodOf({ method: method.name, sparsity: method.sparsity }), step, ...cells]));
  }
}
