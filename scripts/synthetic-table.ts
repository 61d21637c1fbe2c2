/**
 * Holds synthetic steps against recorded ones, machine by machine and pass by pass, and writes the tables of
 * docs/synthetic-traces.md. With steps it draws each of them again, with --like and with the defaults, simulates all three
 * and keeps the deviations in synthetic-deviations.json beside it; the tables are made of all that are kept there.
 *
 *     npx tsx scripts/synthetic-table.ts [STEP.safetensors…]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { loadMachines, openTraces, shippedMachines } from "../src/api/open.ts";
import { type SyntheticOptions, synthesizeTrace } from "../src/api/synthesize.ts";
import { memorySource } from "../src/io/byte-source.ts";
import { withRegion } from "../src/report/marked-region.ts";
import type { Machine } from "../src/sim/hardware/machine.ts";
import { prepareOperation } from "../src/sim/operation/ablations.ts";
import type { Method } from "../src/sparsity/methods.ts";
import { tracePatterns } from "../src/synthetic/measure/statistics.ts";
import { isMacOp } from "../src/trace/manifest.ts";
import { encodeTrace, openTrace, type Trace } from "../src/trace/trace.ts";

const KEPT = new URL("synthetic-deviations.json", import.meta.url);
const FITTED = new URL("recorded-steps.json", import.meta.url);
const PAGE = new URL("../docs/synthetic-traces.md", import.meta.url);
/** Arrays of equal peak that do not look at zeros, whose cycles do not depend on masks. */
const BLIND = ["dadiannao-4096", "mesh-4096", "systolic-4096"];
/** Takes minutes for a step of resnet18. */
const SLOW = "scnn-4096";
const SLOW_FOR = "resnet18";
const PASSES = ["forward", "inputGrad", "weightGrad"] as const;

/** Deviations of cycles, synthetic / recorded − 1, of a machine: of each pass, and of all. */
type Deviations = Record<string, readonly number[]>;
type Mode = "like" | "defaults";
type Kept = Record<string, Readonly<Record<Mode, Deviations>>>;

async function cyclesOf(trace: Trace, machines: readonly Machine[]): Promise<Record<string, number[]>> {
  const cycles = Object.fromEntries(machines.map(({ name }) => [name, [0, 0, 0, 0]]));
  for (const op of trace.manifest.ops.filter(isMacOp)) {
    const { actual } = await prepareOperation(trace, op);
    for (const { name, accelerator, params } of machines) {
      const found = accelerator.run(actual, params).cycles;
      cycles[name][PASSES.indexOf(op.pass)] += found;
      cycles[name][PASSES.length] += found;
    }
  }
  return cycles;
}

async function measure(path: string): Promise<[string, Kept[string]]> {
  const [{ trace }] = await openTraces([path]);
  const { network, method, seed, step } = trace.manifest;
  const { sparsity = 0 } = method;
  const [batch, ...images] = trace.tensor("images:output").shape;
  const names = (await shippedMachines()).filter((name) => name.endsWith("-4096") && !BLIND.includes(name));
  const machines = await loadMachines(names.filter((name) => network !== SLOW_FOR || name !== SLOW));
  const recorded = await cyclesOf(trace, machines);
  const base = { network, batch, images: images as [number, number, number], position: step * batch };
  const order = { ...base, method: method.name as Method, sparsity };
  const deviationsOf = async (own: SyntheticOptions): Promise<Deviations> => {
    const { manifest, masks } = synthesizeTrace(own);
    const cycles = await cyclesOf(await openTrace(memorySource("synthetic", encodeTrace(manifest, masks))), machines);
    const entries = Object.entries(recorded).map(([name, of]) => [
      name,
      of.map((x, i) => rounded(cycles[name][i] / x - 1)),
    ]);
    return Object.fromEntries(entries);
  };
  const label = `${network} ${method.name} ${sparsity}, seed ${seed}, batches of ${batch}, step ${step}`;
  const like = await deviationsOf({ ...order, like: await tracePatterns(trace) });
  return [label, { like, defaults: await deviationsOf(order) }];
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

const kept: Kept = JSON.parse(readFileSync(KEPT, "utf8"));
for (const path of process.argv.slice(2)) {
  const [label, deviations] = await measure(path);
  kept[label] = deviations;
  const ordered = Object.entries(kept).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = ordered.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  writeFileSync(KEPT, `{\n${lines.join(",\n")}\n}\n`);
}

const BARS = { like: { pass: 0.1, all: 0.05 }, defaults: { pass: 0.15, all: 0.1 } } as const;
const TITLES = { like: "With `--like` of the step itself", defaults: "With the defaults, at the position of the step" };
const percent = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}`;
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const fitted = JSON.parse(readFileSync(FITTED, "utf8")) as Record<string, unknown>;
const unseen = Object.entries(kept).filter(([label]) => !(label in fitted));

function barOf(mode: Mode, column: number): number {
  return column === PASSES.length ? BARS[mode].all : BARS[mode].pass;
}

function worstOf(values: readonly number[]): number {
  return values.reduce((worst, value) => (Math.abs(value) > Math.abs(worst) ? value : worst), 0);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.map(Math.abs).toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

function byMachine(mode: Mode): string {
  const machines = [...new Set(unseen.flatMap(([, { [mode]: deviations }]) => Object.keys(deviations)))];
  const rows = machines.map((machine) => {
    const of = [0, 1, 2, 3].map((column) =>
      unseen.flatMap(([, { [mode]: deviations }]) => deviations[machine]?.[column] ?? []),
    );
    const cells = of.map((values) => `${(100 * medianOf(values)).toFixed(1)}, ${percent(worstOf(values))}`);
    const beyond = of.flatMap((values, column) => values.filter((value) => Math.abs(value) > barOf(mode, column)));
    return line([machine.replace(/-4096$/, ""), ...cells, `${beyond.length} of ${of.flat().length}`]);
  });
  const { pass, all } = BARS[mode];
  const bar = `beyond ${100 * pass} % (all: ${100 * all} %)`;
  return [line(["machine", ...PASSES, "all", bar]), line(Array(6).fill("---")), ...rows].join("\n");
}

function byStep(): string {
  const rows = Object.entries(kept).map(([label, modes]) => {
    const cells = (["like", "defaults"] as const).flatMap((mode) => {
      const entries = Object.entries(modes[mode]);
      const pick = (columns: readonly number[]) =>
        entries
          .flatMap(([machine, values]) => columns.map((column) => ({ machine, column, value: values[column] })))
          .reduce((a, b) => (Math.abs(b.value) > Math.abs(a.value) ? b : a));
      const [pass, all] = [pick([0, 1, 2]), pick([3])];
      const told = (machine: string) => machine.replace(/-4096$/, "");
      return [
        `${percent(pass.value)} ${told(pass.machine)} ${PASSES[pass.column]}`,
        `${percent(all.value)} ${told(all.machine)}`,
      ];
    });
    return line([label, label in fitted ? "fitted" : "unseen", ...cells]);
  });
  const head = ["step", "", "like: worst pass", "like: worst of all", "defaults: worst pass", "defaults: worst of all"];
  return [line(head), line(Array(6).fill("---")), ...rows].join("\n");
}

const text = [
  `Written by \`scripts/synthetic-table.ts\` from ${Object.keys(kept).length} recorded steps, of which the fit has not seen ${unseen.length}.`,
  ...(["like", "defaults"] as const).flatMap((mode) => [
    `### ${TITLES[mode]}: steps that the fit has not seen`,
    byMachine(mode),
  ]),
  "Median of the absolute deviations of the array's cycles and the worst one, in percent of those of the recorded step.",
  "### Step by step",
  byStep(),
].join("\n\n");
writeFileSync(PAGE, withRegion(readFileSync(PAGE, "utf8"), text, PAGE.pathname));
