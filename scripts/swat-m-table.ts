/**
 * Prints the tables of docs/swat-m.md from the folders of finished runs: test accuracy, dead filters and largest |weight|
 * by method over seeds, and how the largest |weight| grows epoch by epoch.
 *
 *     npx tsx scripts/swat-m-table.ts out/cifar10/*
 *
 * Runs with the same settings but for the seed form one row.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

interface Run {
  readonly settings: {
    readonly method: string;
    readonly seed: number;
    readonly shareBy?: string;
    readonly firstLayerDense: boolean;
  };
  readonly testAccuracy: number;
  readonly finalPruning: { readonly density: number } | null;
  readonly weightHealth: {
    readonly epochs: readonly { readonly deadFilters: number; readonly largestWeight: number }[];
  };
}

const PERCENT = 100;
const runs: Run[] = [];
for (const folder of process.argv.slice(2)) {
  runs.push(JSON.parse(await readFile(join(folder, "training.json"), "utf8")) as Run);
}
const groups = new Map<string, Run[]>();
for (const run of runs) {
  const { seed, ...rest } = run.settings;
  const key = JSON.stringify(rest);
  groups.set(key, [...(groups.get(key) ?? []), run]);
}

const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
const rows = [...groups.values()].map((group) => group.sort((a, b) => a.settings.seed - b.settings.seed));

console.log(
  line(["method", "seeds", "test accuracy, %", "mean ± s, %", "density", "most dead filters", "largest \\|weight\\|"]),
);
console.log(line(Array(7).fill("---")));
for (const group of rows) {
  const accuracies = group.map(({ testAccuracy }) => PERCENT * testAccuracy);
  console.log(
    line([
      nameOf(group[0]),
      group.map(({ settings }) => settings.seed).join(", "),
      accuracies.map((value) => value.toFixed(1)).join(", "),
      spread(accuracies),
      group.map(({ finalPruning }) => (finalPruning?.density ?? 1).toFixed(3)).join(", "),
      group.map((run) => Math.max(...epochsOf(run).map(({ deadFilters }) => deadFilters))).join(", "),
      group.map((run) => magnitude(Math.max(...epochsOf(run).map(({ largestWeight }) => largestWeight)))).join(", "),
    ]),
  );
}

console.log();
const epochs = Math.max(...runs.map((run) => epochsOf(run).length));
console.log(line(["largest \\|weight\\| after epoch", ...Array.from({ length: epochs }, (_, epoch) => epoch)]));
console.log(line(Array(epochs + 1).fill("---")));
for (const run of rows.flat()) {
  const values = epochsOf(run).map(({ largestWeight }) => magnitude(largestWeight));
  console.log(line([`${nameOf(run)}, seed ${run.settings.seed}`, ...values]));
}

function epochsOf({ weightHealth }: Run): Run["weightHealth"]["epochs"] {
  return weightHealth.epochs;
}

function nameOf({ settings: { method, shareBy, firstLayerDense } }: Run): string {
  if (method !== "swat-m") return method;
  return `swat-m, ${shareBy === undefined ? "authors" : "stable"}${firstLayerDense ? ", first layer dense" : ""}`;
}

/** Mean and sample standard deviation. */
function spread(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(1);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${mean.toFixed(1)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(1)}`;
}

/** Two digits after the point below 10, three digits in all above. */
function magnitude(value: number): string {
  return value < 10 ? value.toFixed(2) : Number(value.toPrecision(3)).toLocaleString("en");
}
