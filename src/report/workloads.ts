/**
 * Several results as one comparison: rows of all files by workload (a network with a method) and machine, with their means over
 * the steps. Machines of one name that differ in anything are told apart by a number behind it.
 */

import { quantity } from "../core/input/units.ts";
import { visible } from "../core/input/visible-text.ts";
import { InputError } from "../io/faults.ts";
import { resolveMemory } from "../sim/memory/hierarchy.ts";
import { rankedMachines, type Standing, standingOf } from "../sim/result/ranking.ts";
import type { MachineResult, ResultRow, SimulationResult, TraceIdentity } from "../sim/result/result.ts";
import { totalsOf } from "../sim/result/totals.ts";
import type { NumberPath } from "../sim/sampling/number-paths.ts";
import { sumOfWidths } from "../sim/sampling/total-widths.ts";
import { share } from "./numbers.ts";

/** A result, the name of its file, and the hash of that file. */
export interface NamedResult {
  readonly file: string;
  readonly sha256: string;
  readonly result: SimulationResult;
}

/** One machine on all steps of one workload. */
export interface Cell {
  /** Network and treatment. */
  readonly workload: string;
  readonly network: string;
  /** Method and sparsity. */
  readonly treatment: string;
  /** Name of the machine, which is another one for another config, model or baseline. */
  readonly machine: string;
  readonly result: MachineResult;
  readonly standing: Standing;
  readonly clockHz: number;
  readonly baselineClockHz: number;
  readonly rows: readonly ResultRow[];
  /** In the order of their steps. */
  readonly traces: readonly TraceIdentity[];
  /** Whether one of these traces, or of the dense-training traces beside them, does not hold its whole step. */
  readonly isIncomplete: boolean;
  /** Means over these traces. */
  readonly totals: MachineResult["totals"];
}

/** What the report calls a network with a method. */
export function workloadOf(trace: TraceIdentity): string {
  return `${visible(trace.network)} ${treatmentOf(trace)}`;
}

function treatmentOf({ method, sparsity }: TraceIdentity): string {
  return visible(sparsity === undefined ? method : `${method} ${share(sparsity)}`);
}

/**
 * The cells of all results: workloads in the order of the files, machines of a workload in that of `rankedMachines`.
 * @throws InputError where two files hold the same trace on the same machine, or a clock is invalid.
 */
export function cellsOf(results: readonly NamedResult[]): Cell[] {
  const names = machineNames(results);
  type Growing = Omit<Cell, "totals" | "isIncomplete"> & {
    readonly rows: ResultRow[];
    readonly traces: TraceIdentity[];
    isDenseIncomplete: boolean;
  };
  const cells = new Map<string, Growing>();
  const holder = new Map<string, string>();
  const faults: string[] = [];
  for (const { file, result } of results) {
    for (const own of result.machines) {
      const machine = names.get(identityOf(own)) as string;
      const clockHz = quantity("frequency", own.config.clock, `${file}: ${own.name}: clock`);
      const baselineClockHz = quantity("frequency", own.baseline.config.clock, `${file}: ${own.baseline.name}: clock`);
      result.traces.forEach((trace, index) => {
        const workload = workloadOf(trace);
        const at = JSON.stringify([trace.sha256, machine]);
        const other = holder.get(at);
        if (other !== undefined) {
          faults.push(`${file}: ${trace.name} on ${machine} is counted twice, it is also in ${other}`);
        }
        holder.set(at, file);
        const key = JSON.stringify([workload, machine]);
        const cell = cells.get(key) ?? {
          workload,
          network: visible(trace.network),
          treatment: treatmentOf(trace),
          machine,
          result: own,
          standing: standingOf(own),
          clockHz,
          baselineClockHz,
          rows: [],
          traces: [],
          isDenseIncomplete: false,
        };
        cells.set(key, cell);
        cell.traces.push(trace);
        cell.isDenseIncomplete ||= result.baseline.traces.some(isIncomplete);
        for (const row of own.rows) if (row.trace === index) cell.rows.push(row);
      });
    }
  }
  if (faults.length > 0) throw new InputError(faults);
  const all = [...cells.values()].map(({ isDenseIncomplete, ...cell }) => ({
    ...{ ...cell, ...averaged(cell) },
    isIncomplete: isDenseIncomplete || cell.traces.some(isIncomplete),
  }));
  return unique(all.map(({ workload }) => workload)).flatMap((workload) =>
    rankedMachines(
      all.filter((cell) => cell.workload === workload).map((cell) => ({ ...cell.result, totals: cell.totals, cell })),
    ).map(({ cell }) => cell),
  );
}

function isIncomplete({ coverage }: TraceIdentity): boolean {
  return coverage !== undefined;
}

/** Traces of a cell in the order of their steps, and what its rows come to on average. */
function averaged({ result, rows, traces, clockHz, baselineClockHz }: Omit<Cell, "totals" | "isIncomplete">) {
  const steps = traces.length;
  const ofResult = result.rows.length === rows.length ? result.totals : undefined;
  const means = () => totalsOf(rows, { machine: { clockHz }, baselineClockHz, steps, dense: { ops: [], steps: 0 } });
  return { traces: [...traces].sort((a, b) => a.step - b.step), totals: ofResult ?? means() };
}

/** Names of machines, by what they are. */
export function machineNames(results: readonly NamedResult[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Map<string, number>();
  for (const machine of results.flatMap(({ result }) => result.machines)) {
    const identity = identityOf(machine);
    if (names.has(identity)) continue;
    const count = (taken.get(machine.name) ?? 0) + 1;
    taken.set(machine.name, count);
    names.set(identity, visible(count === 1 ? machine.name : `${machine.name} (${count})`));
  }
  return names;
}

/** What makes a machine the same in two results. */
export function identityOf({ name, config, modelVersion, baseline }: MachineResult): string {
  return JSON.stringify([name, config, modelVersion, baseline]);
}

/** Whether a row is a convolution's or a linear layer's. */
export function multiplies({ kind }: ResultRow): boolean {
  return kind === "conv" || kind === "linear";
}

/** Sum of a number of every row. */
export function sumOf(rows: readonly ResultRow[], value: (row: ResultRow) => number): number {
  return rows.reduce((sum, row) => sum + value(row), 0);
}

/** `numerator` / `denominator`; null for what is no ratio. */
export function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

/** How much faster than the baseline's the array alone is on some rows of a cell. */
export function arraySpeedup(cell: Cell, rows: readonly ResultRow[]): number | null {
  const baselineSeconds = sumOf(rows, (row) => row.baselineComputeCycles) / cell.baselineClockHz;
  return ratio(baselineSeconds, sumOf(rows, (row) => row.cycles.compute) / cell.clockHz);
}

/** Peak bandwidth of DRAM. @throws Error for a config with an invalid quantity. */
export function dramBytesPerSecond({ result: { config }, clockHz }: Cell): number {
  const widths = { valueBytes: 1, wideBytes: 1 };
  return resolveMemory(config.memory, clockHz, widths, config.name).dramBytesPerCycle * clockHz;
}

/** Speed-up in time, with memory and all else that is charged. */
export function timeSpeedup(rows: readonly ResultRow[]): number | null {
  return ratio(
    sumOf(rows, (row) => row.baselineSeconds),
    sumOf(rows, (row) => row.seconds),
  );
}

/** A number of a row, and its path. */
type Measure = readonly [path: NumberPath<ResultRow>, value: (row: ResultRow) => number];

/** Half-widths of 95 % confidence intervals of the speed-ups above, 0 where they are exact. */
export function arrayWidth(cell: Cell, rows: readonly ResultRow[]): number {
  const baseline: Measure = ["baselineComputeCycles", (row) => row.baselineComputeCycles];
  return ratioWidth(arraySpeedup(cell, rows), rows, baseline, ["cycles.compute", (row) => row.cycles.compute]);
}
export function timeWidth(rows: readonly ResultRow[]): number {
  const baseline: Measure = ["baselineSeconds", (row) => row.baselineSeconds];
  return ratioWidth(timeSpeedup(rows), rows, baseline, ["seconds", (row) => row.seconds]);
}

function ratioWidth(value: number | null, rows: readonly ResultRow[], above: Measure, below: Measure): number {
  const relative = ([path, of]: Measure) => sumOfWidths(rows, path) / sumOf(rows, of);
  return value === null || value === 0 ? 0 : value * (relative(above) + relative(below));
}

/** Energy of rows in picojoules by component; null where the result knows none. */
export function energyOf(rows: readonly ResultRow[]): Record<string, number> | null {
  const known = rows.flatMap(({ energy }) => (energy === undefined ? [] : [energy.components]));
  return known.length === 0 ? null : sumRecords(known);
}

/** The sum of records of numbers, key by key. */
export function sumRecords(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum = new Map<string, number>();
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) sum.set(key, (sum.get(key) ?? 0) + value);
  }
  return Object.fromEntries(sum);
}

/** √[n](Π values); null without values. */
export function geometricMean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The sum of a record's numbers. */
export function totalOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, value) => sum + value, 0);
}

/** Values in the order of their first appearance, each once. */
export function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
