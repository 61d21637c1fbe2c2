/**
 * The rows of a result as CSV: one line for each machine × step × op, in the words and units of the table of machines, with
 * the unit in the name of every column that has one.
 */

import { quantity } from "../core/input/units.ts";
import { type Cell, csvParts } from "../io/csv-text.ts";
import type { ResultRow, SimulationResult, StreamedMachine, StreamedResult } from "../sim/result/result.ts";
import { ratio } from "./workloads.ts";

const MICRO = 1e-6;
const BYTES_PER_MB = 1e6;
const PICOJOULES_PER_MICROJOULE = 1e6;
const PERCENT = 100;

/** A row with what its columns need of the result around it. */
interface Line {
  readonly row: ResultRow;
  readonly machine: StreamedMachine;
  readonly trace: string;
  /** By what a ratio of cycles is multiplied to be one of times. */
  readonly clocks: number;
}

type Column = readonly [name: string, cellOf: (line: Line) => Cell];

/** CSV of all rows of all machines, with a header. */
export function resultCsv(result: SimulationResult): string {
  return [...resultCsvParts(result)].join("");
}

/** The same in parts, for results whose text is longer than a string can be. */
export function resultCsvParts(result: StreamedResult): Iterable<string> {
  const columns = result.sample === undefined ? COLUMNS : [...COLUMNS, ...SAMPLE_COLUMNS];
  const names = columns.map(([name]) => name);
  return csvParts(names, recordsOf(result, columns));
}

function* recordsOf(result: StreamedResult, columns: readonly Column[]): Generator<Cell[]> {
  for (const machine of result.machines) {
    const clocks = clockRatio(machine);
    for (const row of machine.rows) {
      const line = { row, machine, trace: result.traces[row.trace].name, clocks };
      yield columns.map(([, cellOf]) => cellOf(line));
    }
  }
}

function clockRatio({ name, config, baseline }: StreamedMachine): number {
  const hertz = (clock: string) => quantity("frequency", clock, `${name}: clock`);
  return hertz(config.clock) / hertz(baseline.config.clock);
}

function sum(values: Readonly<Record<string, number>> = {}): number {
  let total = 0;
  for (const name in values) total += values[name];
  return total;
}

const ofRow = (name: string, cellOf: (row: ResultRow) => Cell): Column => [name, ({ row }) => cellOf(row)];

/** A name as columns spell it: `topK` of MACs is `top_k_macs`. */
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const MACS = ["dense", "effectual", "topK", "natural", "imagePadding", "stride"] as const;
const SAVED = ["lanePadding", "imagePadding", "natural", "topK"] as const;

/** The columns of the table, of one op; empty where a ratio is 0/0. */
const COLUMNS: readonly Column[] = [
  ["machine", ({ machine }) => machine.name],
  ["baseline", ({ machine }) => machine.baseline.name],
  ["trace", ({ trace }) => trace],
  ofRow("step", ({ step }) => step),
  ofRow("layer", ({ layer }) => layer),
  ofRow("kind", ({ kind }) => kind),
  ofRow("pass", ({ pass }) => pass),
  ofRow("validation", ({ validation }) => validation),
  ofRow("scheduled_operand", ({ scheduled }) => scheduled),
  ofRow("time_us", ({ seconds }) => seconds / MICRO),
  ofRow("speedup", ({ seconds, baselineSeconds }) => ratio(baselineSeconds, seconds)),
  ["array_speedup", ({ row, clocks }) => ratio(row.baselineComputeCycles * clocks, row.cycles.compute)],
  ofRow("own_skipping_gain", (row) => ratio(row.counterpartComputeCycles, row.cycles.compute)),
  ofRow("energy_ratio", ({ energy }) => (energy ? ratio(energy.baselinePicojoules, energy.picojoules) : null)),
  ofRow("of_ideal_percent", ({ idealCycles, cycles }) => {
    const share = ratio(idealCycles, cycles.compute);
    return share === null ? null : PERCENT * share;
  }),
  ...["weight", "input", "outputGrad"].map((operand) =>
    ofRow(`${snake(operand)}_density`, ({ densities }) => densities[operand] ?? null),
  ),
  ...MACS.map((name) => ofRow(`${snake(name)}_macs`, ({ macs }) => macs[name])),
  ofRow("total_cycles", ({ cycles }) => cycles.total),
  ofRow("array_cycles", ({ cycles }) => cycles.compute),
  ofRow("vector_cycles", ({ cycles }) => cycles.vector),
  ofRow("rescheduling_cycles", ({ cycles }) => cycles.rescheduling),
  ofRow("buffer_stall_cycles", ({ cycles }) => cycles.bufferStall ?? 0),
  ofRow("memory_stall_cycles", ({ cycles }) => cycles.memoryStall),
  ofRow("dram_stall_cycles", ({ stalls }) => sum(stalls.dram)),
  ofRow("baseline_cycles", ({ baselineCycles }) => baselineCycles),
  ofRow("baseline_array_cycles", ({ baselineComputeCycles }) => baselineComputeCycles),
  ofRow("counterpart_cycles", ({ counterpartCycles }) => counterpartCycles ?? null),
  ofRow("counterpart_array_cycles", ({ counterpartComputeCycles }) => counterpartComputeCycles),
  ofRow("no_zeros_array_cycles", ({ noZerosComputeCycles }) => noZerosComputeCycles),
  ofRow("ideal_cycles", ({ idealCycles }) => idealCycles),
  ...SAVED.map((name) => ofRow(`saved_by_${snake(name)}_cycles`, ({ saved }) => saved[name])),
  ofRow("baseline_time_us", ({ baselineSeconds }) => baselineSeconds / MICRO),
  ofRow("counterpart_time_us", ({ counterpartSeconds: time }) => (time === undefined ? null : time / MICRO)),
  ofRow("no_zeros_time_us", ({ noZerosSeconds }) => noZerosSeconds / MICRO),
  ofRow("dram_MB", ({ traffic }) => sum(traffic.dram) / BYTES_PER_MB),
  ofRow("on_chip_MB", ({ traffic }) => {
    let total = 0;
    for (const place in traffic) if (place !== "dram" && place !== "array") total += sum(traffic[place]);
    return total / BYTES_PER_MB;
  }),
  ofRow("array_MB", ({ traffic }) => sum(traffic.array) / BYTES_PER_MB),
  ofRow("energy_uJ", ({ energy }) => microjoules(energy?.picojoules)),
  ofRow("baseline_energy_uJ", ({ energy }) => microjoules(energy?.baselinePicojoules)),
  ...["mac", "register", "skipping", "vector", "on_chip", "dram"].map((part, _, parts) =>
    ofRow(`${part}_energy_uJ`, ({ energy }) => microjoules(energy && energyOf(part, parts, energy.components))),
  ),
];

function microjoules(picojoules: number | undefined): number | null {
  return picojoules === undefined ? null : picojoules / PICOJOULES_PER_MICROJOULE;
}

/** Energy by what all machines have: their levels are taken together, as is DRAM. */
function energyOf(part: string, parts: readonly string[], components: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const name in components) {
    const known = name.startsWith("dram ") ? "dram" : parts.includes(name) ? name : "on_chip";
    if (known === part) total += components[name];
  }
  return total;
}

const width = (column: string, path: string, unit = 1) =>
  ofRow(column, ({ sample }) => (sample === undefined ? null : (sample.ci95[path] ?? 0) / unit));

/** How much of the op was simulated, and the half-widths of its main counts, 0 for an exact one; empty where all was simulated. */
const SAMPLE_COLUMNS: readonly Column[] = [
  ofRow("sampled_axis", ({ sample }) => sample?.axis ?? null),
  ofRow("sampled", ({ sample }) => sample?.drawn ?? null),
  ofRow("sampled_of", ({ sample }) => sample?.of ?? null),
  width("time_us_ci95", "seconds", MICRO),
  width("total_cycles_ci95", "cycles.total"),
  width("array_cycles_ci95", "cycles.compute"),
  width("no_zeros_array_cycles_ci95", "noZerosComputeCycles"),
  width("baseline_cycles_ci95", "baselineCycles"),
  width("baseline_array_cycles_ci95", "baselineComputeCycles"),
  width("energy_uJ_ci95", "energy.picojoules", PICOJOULES_PER_MICROJOULE),
];
