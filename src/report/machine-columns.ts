/**
 * The columns in which machines are compared, the same in the terminal, on the page and in its CSV: how long a step takes, how
 * much faster that is than the common dense array, and what skipping gains on the machine's own array.
 */
import type { ResultTotal } from "../sim/result/result.ts";
import { type Cell, energyOf, ratio, sumOf, totalOf } from "./workloads.ts";

/** Columns by the names that `--columns` and `--sort` take. */
export type ColumnName = keyof typeof COLUMNS;

/** One number of a machine on a workload. */
export interface MachineColumn {
  /** Lines of the head; the unit is in one of them. */
  readonly head: readonly string[];
  /** In a CSV, with the unit. */
  readonly key: string;
  /** Whether it is of the whole step, so that a step that was not recorded whole makes it wrong. */
  readonly isOfStep?: boolean;
  /** Whether the least or the most is best. */
  readonly best: "least" | "most";
  value(cell: Cell): number | null;
  /** Half-width of its 95 % confidence interval; without it the number is exact, or has none. */
  halfWidth?(cell: Cell): number | undefined;
  show(value: number): string;
}

const MICRO = 1e-6;
const TERA = 1e12;
const PERCENT = 100;
const PICOJOULES_PER_MICROJOULE = 1e6;
const BYTES_PER_MB = 1e6;
const DIGITS = 3;

const ratioShown = (value: number) => value.toFixed(2);
const percentShown = (value: number) => (PERCENT * value).toFixed(1);

/** Three significant digits, and all those before the point. */
function significant(value: number): string {
  const before = value >= 1 ? Math.floor(Math.log10(value)) + 1 : 1;
  return value.toFixed(Math.max(0, DIGITS - before));
}

type Part = keyof Cell["totals"];

/** A ratio of a part of the step, by its path in the totals. */
function gain(head: readonly string[], key: string, part: Part, path: string): MachineColumn {
  const [outer, inner] = path.split(".");
  const numberOf = (total: ResultTotal): unknown => {
    const value = (total as Readonly<Record<string, unknown>>)[outer];
    return inner === undefined ? value : (value as Readonly<Record<string, unknown>> | undefined)?.[inner];
  };
  return {
    ...{ head, key, best: "most", show: ratioShown, isOfStep: part === "training" },
    value: ({ totals }) => (numberOf(totals[part]) as number | undefined) ?? null,
    halfWidth: ({ totals }) => totals[part].ci95?.[path],
  };
}

const arrayGain = (head: readonly string[], part: Part) =>
  gain([...head, "array only ×"], `${part}_array_speedup`, part, "compute.speedup");

const COLUMNS = {
  step: {
    ...{ head: ["step", "µs"], key: "step_seconds", best: "least", isOfStep: true },
    value: ({ totals }) => totals.training.seconds,
    halfWidth: ({ totals }) => totals.training.ci95?.seconds,
    show: (seconds) => significant(seconds / MICRO),
  },
  dense: gain(["× over dense", "baseline"], "step_speedup", "training", "speedup"),
  array: gain(["array only ×", "(no memory)"], "array_speedup", "matmul", "compute.speedup"),
  own: gain(["own skipping", "gains ×"], "own_skipping_gain", "matmul", "compute.ownSkippingGain"),
  energy: gain(["energy", "× less"], "energy_ratio", "training", "energy.ratio"),
  ideal: {
    ...{ head: ["of ideal", "%"], key: "share_of_ideal", best: "most", show: percentShown },
    value: ({ totals: { matmul } }) => ratio(matmul.compute.idealCycles, matmul.compute.cycles),
  },
  training: gain(["× over own", "dense step"], "speedup_over_dense_training", "training", "speedupOverDenseTraining"),
  peak: {
    ...{ head: ["peak", "TMAC/s"], key: "peak_macs_per_second", best: "most" },
    value: ({ result }) => result.peakMacsPerSecond,
    show: (macs) => (macs / TERA).toFixed(2),
  },
  forward: arrayGain(["forward"], "forward"),
  inputGrad: arrayGain(["inputGrad"], "inputGrad"),
  weightGrad: arrayGain(["weightGrad"], "weightGrad"),
  passes: gain(["all passes ×", "(with memory)"], "passes_speedup", "matmul", "speedup"),
  "own-zeros": gain(["own gains ×", "zeros alone"], "own_gain_from_zeros", "matmul", "compute.speedupFromZeros"),
  "own-step": gain(["own gains ×", "whole step"], "own_skipping_gain_of_step", "training", "ownSkippingGain"),
  selection: {
    ...{ head: ["selection", "% of step"], key: "selection_share", best: "least", show: percentShown, isOfStep: true },
    value: ({ totals: { training } }) => ratio(training.selectionSeconds, training.seconds),
  },
  joules: {
    ...{ head: ["energy", "µJ"], key: "step_energy_pJ", best: "least", isOfStep: true },
    value: ({ rows, traces }) => {
      const energy = energyOf(rows);
      return energy === null ? null : totalOf(energy) / traces.length;
    },
    halfWidth: ({ totals }) => totals.training.ci95?.["energy.picojoules"],
    show: (picojoules) => significant(picojoules / PICOJOULES_PER_MICROJOULE),
  },
  dram: {
    ...{ head: ["DRAM", "MB"], key: "step_dram_bytes", best: "least", isOfStep: true },
    value: ({ rows, traces }) => sumOf(rows, ({ traffic }) => totalOf(traffic.dram ?? {})) / traces.length,
    show: (bytes) => significant(bytes / BYTES_PER_MB),
  },
} satisfies Readonly<Record<string, MachineColumn>>;

/** All columns, in the order of the widest table. */
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];

/** What is shown where nothing else is asked for, the most important first. */
export const DEFAULT_COLUMNS: readonly ColumnName[] = ["step", "dense", "array", "own", "energy", "ideal", "training"];

/** A column of machines that are compared with `baseline`, or each with its own dense counterpart. */
export function columnOf(name: ColumnName, baseline: string | null): MachineColumn {
  const column: MachineColumn = COLUMNS[name];
  if (name !== "dense") return column;
  return { ...column, head: baseline === null ? ["× over own", "dense array"] : ["× over dense", baseline] };
}

/** Cells by a column, the best first; those without a number last. */
export function sortedBy(cells: readonly Cell[], { value, best }: MachineColumn): Cell[] {
  const sign = best === "least" ? 1 : -1;
  const rank = (cell: Cell) => sign * (value(cell) ?? sign * Number.POSITIVE_INFINITY);
  return [...cells].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}
