/**
 * The rows of a result as CSV: one line for each machine × step × op, in the words and units of the table of machines, with
 * the unit in the name of every column that has one.
 */

import { quantity } from "../core/input/units.ts";
import { csvParts } from "../io/csv-text.ts";
import type { MachineResult, ResultRow, SimulationResult } from "../sim/result/result.ts";
import { ratio } from "./workloads.ts";

const MICRO = 1e-6;
const BYTES_PER_MB = 1e6;
const PICOJOULES_PER_MICROJOULE = 1e6;
const PERCENT = 100;

type Columns = Record<string, string | number | null>;

/** CSV of all rows of all machines, with a header. */
export function resultCsv(result: SimulationResult): string {
  return [...resultCsvParts(result)].join("");
}

/** The same in parts, for results whose text is longer than a string can be. */
export function resultCsvParts(result: SimulationResult): Iterable<string> {
  return csvParts(recordsOf(result));
}

function* recordsOf(result: SimulationResult): Generator<Columns> {
  const isSampled = result.sample !== undefined;
  for (const machine of result.machines) {
    const { name, baseline, rows } = machine;
    const clocks = clockRatio(machine);
    for (const row of rows) {
      yield {
        ...{ machine: name, baseline: baseline.name, trace: result.traces[row.trace].name },
        ...placeColumns(row),
        ...gainColumns(row, clocks),
        ...columns(row),
        ...(isSampled ? sampleColumns(row) : {}),
      };
    }
  }
}

/** By what a ratio of cycles is multiplied to be one of times. */
function clockRatio({ name, config, baseline }: MachineResult): number {
  const hertz = (clock: string) => quantity("frequency", clock, `${name}: clock`);
  return hertz(config.clock) / hertz(baseline.config.clock);
}

const sum = (values: Record<string, number> = {}) => Object.values(values).reduce((total, value) => total + value, 0);

function placeColumns({ step, layer, kind, pass, validation, scheduled }: ResultRow): Columns {
  return { step, layer, kind, pass, validation, scheduled_operand: scheduled };
}

/** The columns of the table, of one op; empty where a ratio is 0/0. */
function gainColumns(row: ResultRow, clocks: number): Columns {
  const { cycles, seconds, baselineSeconds, energy } = row;
  const share = ratio(row.idealCycles, cycles.compute);
  const arraySpeedup = ratio(row.baselineComputeCycles * clocks, cycles.compute);
  return {
    time_us: seconds / MICRO,
    speedup: ratio(baselineSeconds, seconds),
    array_speedup: arraySpeedup,
    own_skipping_gain: ratio(row.counterpartComputeCycles, cycles.compute),
    energy_ratio: energy === undefined ? null : ratio(energy.baselinePicojoules, energy.picojoules),
    of_ideal_percent: share === null ? null : PERCENT * share,
  };
}

function columns(row: ResultRow): Columns {
  const operands = ["weight", "input", "outputGrad"] as const;
  const onChip = Object.keys(row.traffic).filter((place) => place !== "dram" && place !== "array");
  const { cycles, counterpartSeconds } = row;
  return {
    ...named(Object.fromEntries(operands.map((name) => [name, row.densities[name] ?? null])), "", "density"),
    ...named(row.macs, "", "macs"),
    total_cycles: cycles.total,
    array_cycles: cycles.compute,
    vector_cycles: cycles.vector,
    rescheduling_cycles: cycles.rescheduling,
    buffer_stall_cycles: cycles.bufferStall ?? 0,
    memory_stall_cycles: cycles.memoryStall,
    dram_stall_cycles: sum(row.stalls.dram),
    baseline_cycles: row.baselineCycles,
    baseline_array_cycles: row.baselineComputeCycles,
    counterpart_cycles: row.counterpartCycles ?? null,
    counterpart_array_cycles: row.counterpartComputeCycles,
    no_zeros_array_cycles: row.noZerosComputeCycles,
    ideal_cycles: row.idealCycles,
    ...named(row.saved, "saved_by", "cycles"),
    baseline_time_us: row.baselineSeconds / MICRO,
    counterpart_time_us: counterpartSeconds === undefined ? null : counterpartSeconds / MICRO,
    no_zeros_time_us: row.noZerosSeconds / MICRO,
    dram_MB: sum(row.traffic.dram) / BYTES_PER_MB,
    on_chip_MB: onChip.reduce((total, place) => total + sum(row.traffic[place]), 0) / BYTES_PER_MB,
    array_MB: sum(row.traffic.array) / BYTES_PER_MB,
    ...energyColumns(row),
  };
}

/** Numbers of a row by its own names, as columns: `topK` of MACs is `top_k_macs`. */
function named(values: Readonly<Record<string, number | null>>, before: string, after: string): Columns {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [[before, snake(name), after].filter(Boolean).join("_"), value]),
  );
}

/** How much of the op was simulated, and the half-widths of its main counts, 0 for an exact one; empty where all was simulated. */
function sampleColumns({ sample }: ResultRow): Columns {
  const width = (path: string, unit = 1) => (sample === undefined ? null : (sample.ci95[path] ?? 0) / unit);
  return {
    sampled_axis: sample?.axis ?? null,
    sampled: sample?.drawn ?? null,
    sampled_of: sample?.of ?? null,
    time_us_ci95: width("seconds", MICRO),
    total_cycles_ci95: width("cycles.total"),
    array_cycles_ci95: width("cycles.compute"),
    no_zeros_array_cycles_ci95: width("noZerosComputeCycles"),
    baseline_cycles_ci95: width("baselineCycles"),
    baseline_array_cycles_ci95: width("baselineComputeCycles"),
    energy_uJ_ci95: width("energy.picojoules", PICOJOULES_PER_MICROJOULE),
  };
}

/** Energy by what all machines have: their levels are taken together, as is DRAM. Empty where none was asked for. */
function energyColumns({ energy }: ResultRow): Columns {
  const parts = { mac: 0, register: 0, skipping: 0, vector: 0, on_chip: 0, dram: 0 };
  for (const [component, picojoules] of Object.entries(energy?.components ?? {})) {
    const isDram = component.startsWith("dram ");
    const isOwn = Object.hasOwn(parts, component);
    parts[isDram ? "dram" : isOwn ? (component as keyof typeof parts) : "on_chip"] += picojoules;
  }
  const microjoules = (picojoules: number | undefined) =>
    energy === undefined || picojoules === undefined ? null : picojoules / PICOJOULES_PER_MICROJOULE;
  return {
    energy_uJ: microjoules(energy?.picojoules),
    baseline_energy_uJ: microjoules(energy?.baselinePicojoules),
    ...Object.fromEntries(
      Object.entries(parts).map(([part, picojoules]) => [`${part}_energy_uJ`, microjoules(picojoules)]),
    ),
  };
}
