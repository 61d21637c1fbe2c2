/**
 * What `simulate` and the demo print: machines of equal terms by time of the step, bounds and machines of other terms apart, and
 * what the numbers mean. Pure functions from a finished result to text.
 */
import { visible } from "../../core/input/visible-text.ts";
import type { SimulationResult } from "../../sim/result/result.ts";
import { footprints } from "../charts/memory.ts";
import { coverageNotes, incompleteMark } from "../coverage-note.ts";
import {
  COLUMN_NAMES,
  type ColumnName,
  columnOf,
  DEFAULT_COLUMNS,
  type MachineColumn,
  sortedBy,
} from "../machine-columns.ts";
import { times, withUnit } from "../numbers.ts";
import { sampleNote } from "../sample-note.ts";
import { type Cell, cellsOf, unique } from "../workloads.ts";
import { percent, plainTable, saved, WIDTH, wrapped } from "./table.ts";

/** How to show the machines of a result. */
export interface TableOptions {
  /** Which columns; as many of the default ones as a terminal is wide where not given, all with `wide`. */
  readonly columns?: readonly ColumnName[] | undefined;
  /** The column that decides about the order; the time of the step where not given. */
  readonly sort?: ColumnName | undefined;
  readonly wide?: boolean | undefined;
  /** How a reader gets at more, in brackets behind a note: at the constants of energy, and at the gain over dense training. */
  readonly hints?: { readonly energy: string; readonly training: string };
}

/** The comparison of all machines, what is stashed for the backward pass, and what the numbers mean. */
export function resultTable(result: SimulationResult, options: TableOptions = {}): string {
  const cells = cellsOf([{ file: "result", sha256: "", result }]);
  const traces = result.traces.map(({ name, network, method, sparsity, step }) => {
    const dropped = sparsity === undefined ? "" : ` ${percent(sparsity)}`;
    return visible(`${name}: ${network}, ${method}${dropped}, step ${step}`);
  });
  const workloads = unique(cells.map(({ workload }) => workload));
  const tables = workloads.map((workload) =>
    workloadTables(
      cells.filter((cell) => cell.workload === workload),
      options,
      workloads.length > 1,
    ),
  );
  return [...traces, "", ...tables, ...notes(result, cells, options), ...footprintLines(result)].join("\n");
}

/** The tables of one workload. */
function workloadTables(cells: readonly Cell[], options: TableOptions, isNamed: boolean): string {
  const [{ workload, traces, totals }] = cells;
  const { denseMacs, effectualMacs } = totals.matmul;
  const mean =
    traces.length === 1 ? "" : `; means of ${traces.length} steps: ${traces.map(({ step }) => step).join(", ")}`;
  const zeros = `zeros allow ${times(denseMacs / effectualMacs)} × (dense / effectual MACs)${mean}`;
  const [ranked, bounds, apart] = (["ranked", "bound", "apart"] as const).map((standing) =>
    cells.filter((cell) => cell.standing === standing),
  );
  const compared = ranked.length > 0 ? ranked : bounds;
  const own = apart.filter(({ result }) => result.baseline.isCounterpart);
  const unequal = apart.filter(({ result }) => !result.baseline.isCounterpart);
  return [
    wrapped(isNamed ? `${workload}: ${zeros}` : `${zeros[0].toUpperCase()}${zeros.slice(1)}`),
    ...(compared.length === 0 ? [] : ["", machineTable(compared, options)]),
    ...(ranked.length === 0 ? [] : bounds.map(boundLine)),
    ...(own.length === 0 ? [] : ["", wrapped(apartNote(own)), machineTable(own, options)]),
    ...(unequal.length === 0 ? [] : ["", wrapped(unequalNote(unequal)), machineTable(unequal, options)]),
    "",
  ].join("\n");
}

/** A bound is not listed as a row: it would rank first although it is not a machine. */
function boundLine({ machine, totals: { training }, result }: Cell): string {
  const step = columnOf("step", null);
  const text = `Bound, no machine: ${machine} ${step.show(training.seconds)} µs, ${times(training.speedup)} × over ${result.baseline.name}.`;
  return `\n${wrapped(text)}`;
}

function apartNote(cells: readonly Cell[]): string {
  const common = cells.some(({ result }) => result.baseline.differences.length > 0);
  const why = common ? "Of other peak, clock, datatype or memory than the common baseline: each" : "Each machine";
  return `${why} is compared with its own dense counterpart, the same array without skipping; not ranked.`;
}

function unequalNote(cells: readonly Cell[]): string {
  const name = cells[0].result.baseline.name;
  return `Compared with ${name} in spite of another peak, clock, datatype or memory; not ranked.`;
}

/** One table of machines with one baseline, or each with its own. */
function machineTable(cells: readonly Cell[], { columns, sort, wide = false }: TableOptions): string {
  const [{ result }] = cells;
  const baseline = result.baseline.isCounterpart ? null : result.baseline.name;
  // Over its own counterpart, the gain of the array is that of skipping.
  const defaults = baseline === null ? OWN_COLUMNS : DEFAULT_COLUMNS;
  const isKnown = (name: ColumnName) => cells.some((cell) => columnOf(name, baseline).value(cell) !== null);
  const names = columns ?? (wide ? COLUMN_NAMES : defaults).filter((name) => isKnown(name) || name === "step");
  const sorted = sort === undefined ? cells : sortedBy(cells, columnOf(sort, baseline));
  const isFree = columns !== undefined || wide;
  for (let shown = names.length; ; shown--) {
    const text = tableText(
      sorted,
      names.slice(0, shown).map((name) => columnOf(name, baseline)),
    );
    if (isFree || shown <= 1 || widthOf(text) <= WIDTH) return text;
  }
}

const OWN_COLUMNS: readonly ColumnName[] = ["peak", "step", "dense", "array", "energy", "ideal", "training"];

function tableText(cells: readonly Cell[], columns: readonly MachineColumn[]): string {
  const table = plainTable(["machine", ...columns.map(({ head }) => head.join("\n"))], 1);
  for (const cell of cells) {
    const numbers = columns.map((column) => {
      const value = column.value(cell);
      if (value === null || !Number.isFinite(value)) return NONE;
      const width = column.halfWidth?.(cell);
      const shown = width === undefined ? column.show(value) : `${column.show(value)} ±${atLeast(column.show, width)}`;
      return column.isOfStep ? `${shown}${incompleteMark(cell)}` : shown;
    });
    table.push([cell.machine, ...numbers]);
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const NONE = "–";
const LAST_DIGIT = 0.01;

/** A half-width is no less than the last digit that is shown. */
function atLeast(show: (value: number) => string, width: number): string {
  const shown = show(width);
  return Number(shown) < width ? show(width + LAST_DIGIT / 2) : shown;
}

function widthOf(text: string): number {
  return Math.max(...text.split("\n").map((line) => line.length));
}

function notes(result: SimulationResult, cells: readonly Cell[], { hints }: TableOptions): string[] {
  const dense = result.baseline.machine;
  const energy = unique(result.machines.flatMap((machine) => machine.energy?.table ?? []));
  const sample = sampleNote(result);
  const { notCharged } = result;
  return [
    "step: time of a training step, with memory and all that does not multiply.",
    "array only: the ops that multiply, as if memory were free. own skipping gains: the array over the same array without skipping.",
    ...(energy.length === 0 ? [] : [`energy: of a step; counts × ${energy.join(", ")}${inBrackets(hints?.energy)}.`]),
    "of ideal: effectual MACs / (multipliers × cycles of the array).",
    ...selectionNote(cells, dense),
    ...trainingNote(cells, hints?.training),
    ...(sample === null ? [] : [sample]),
    ...coverageNotes(result),
    ...costNote(result),
    ...(notCharged.length === 0 ? [] : [`Not charged (not in the trace): ${notCharged.join(", ")}.`]),
  ].map((line) => wrapped(visible(line)));
}

/** What machines would have to wait for and are not charged, each cost with those that it spares. */
function costNote({ machines }: SimulationResult): string[] {
  const costs = new Map<string, string[]>();
  for (const { name, notCharged = [] } of machines) {
    for (const cost of notCharged) costs.set(cost, [...(costs.get(cost) ?? []), name]);
  }
  if (costs.size === 0) return [];
  const told = [...costs].map(
    ([cost, names]) => `${cost} (${names.length === machines.length ? "all" : names.join(", ")})`,
  );
  return [`Not charged: ${told.join("; ")}.`];
}

/** Why an array that skips nothing is slower than the baseline, which trains densely. */
function selectionNote(cells: readonly Cell[], baseline: string): string[] {
  const [first] = unique(cells.map(({ workload }) => workload));
  const paying = cells.filter(({ workload, standing, totals: { training, matmul } }) => {
    const skipsNothing = matmul.compute.ownSkippingGain === 1;
    return workload === first && standing === "ranked" && skipsNothing && training.selectionSeconds > 0;
  });
  if (paying.length === 0) return [];
  const shares = paying.map(
    ({ machine, totals: { training } }) => `${percent(training.selectionSeconds / training.seconds)} on ${machine}`,
  );
  return [
    `Machines that skip nothing still select the values that the sparse method keeps (of the step: ${shares.join(", ")}). The baseline, ${baseline} training densely, does not; its update rounds the weights instead.`,
  ];
}

/** What the method gains over dense training on the machine that is fastest, as a table has seldom room for that column. */
function trainingNote(cells: readonly Cell[], hint: string | undefined): string[] {
  const [{ machine, totals, standing }] = cells;
  const { speedupOverDenseTraining: gain } = totals.training;
  if (gain === undefined || gain === null || standing !== "ranked") return [];
  return [`Over a step of dense training on the same machine, ${machine} gains ${times(gain)} ×${inBrackets(hint)}.`];
}

function inBrackets(hint: string | undefined): string {
  return hint === undefined ? "" : ` (${hint})`;
}

/** What a step stashes for its backward pass, and all that it holds. */
function footprintLines(result: SimulationResult): string[] {
  const held = footprints([{ file: "", sha256: "", result }]);
  const bytes = ({ denseBytes, sparseIndexedBytes }: (typeof held)[number]["held"]["total"]) =>
    `${withUnit(sparseIndexedBytes, "B")} instead of ${withUnit(denseBytes, "B")} (${saved(sparseIndexedBytes, denseBytes)} % less)`;
  const last = result.traces.length > 1 ? " of the last step" : "";
  return held.map(({ workload, held: { activations, total } }) =>
    wrapped(
      `\n${workload}: stashed for the backward pass${last}, with indices: ${bytes(activations)}; everything held: ${bytes(total)}.`,
    ),
  );
}
