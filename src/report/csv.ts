/** The rows of a result as CSV: one line for each machine × step × op, a unit in every column's name. */
import { stringify } from "csv-stringify/sync";
import type { ResultRow, SimulationResult } from "../sim/result/result.ts";

/** CSV of all rows of all machines, with a header. */
export function resultCsv(result: SimulationResult): string {
  const isSampled = result.sample !== undefined;
  const records = result.machines.flatMap(({ name, rows }) =>
    rows.map((row) => ({
      machine: name,
      trace: result.traces[row.trace].name,
      ...columns(row),
      ...(isSampled ? sampleColumns(row) : {}),
    })),
  );
  return stringify(records, { header: true });
}

const sum = (values: Record<string, number> = {}) => Object.values(values).reduce((total, value) => total + value, 0);

function columns(row: ResultRow): Record<string, string | number | null> {
  const operands = ["weight", "input", "outputGrad"] as const;
  const onChip = Object.keys(row.traffic).filter((place) => place !== "dram" && place !== "array");
  return {
    step: row.step,
    layer: row.layer,
    kind: row.kind,
    pass: row.pass,
    validation: row.validation,
    scheduled_operand: row.scheduled,
    ...Object.fromEntries(operands.map((name) => [`${name}_density`, row.densities[name] ?? null])),
    ...Object.fromEntries(Object.entries(row.macs).map(([name, count]) => [`${name}_macs`, count])),
    // Named first, because not every row has it and all rows need the same columns.
    bufferStall_cycles: row.cycles.bufferStall ?? 0,
    ...Object.fromEntries(Object.entries(row.cycles).map(([name, count]) => [`${name}_cycles`, count])),
    baseline_cycles: row.baselineCycles,
    baseline_compute_cycles: row.baselineComputeCycles,
    no_zeros_compute_cycles: row.noZerosComputeCycles,
    ideal_cycles: row.idealCycles,
    ...Object.fromEntries(Object.entries(row.saved).map(([cause, count]) => [`saved_by_${cause}_cycles`, count])),
    seconds_s: row.seconds,
    baseline_seconds_s: row.baselineSeconds,
    no_zeros_seconds_s: row.noZerosSeconds,
    dram_bytes: sum(row.traffic.dram),
    on_chip_level_bytes: onChip.reduce((total, place) => total + sum(row.traffic[place]), 0),
    array_bytes: sum(row.traffic.array),
    dram_stall_cycles: sum(row.stalls.dram),
    ...energyColumns(row),
  };
}

/** How much of the op was simulated, and the half-widths of its main counts, 0 for an exact one; empty where all was simulated. */
function sampleColumns({ sample }: ResultRow): Record<string, string | number | null> {
  const width = (path: string) => (sample === undefined ? null : (sample.ci95[path] ?? 0));
  return {
    sampled_axis: sample?.axis ?? null,
    sampled: sample?.drawn ?? null,
    sampled_of: sample?.of ?? null,
    total_cycles_ci95: width("cycles.total"),
    compute_cycles_ci95: width("cycles.compute"),
    no_zeros_compute_cycles_ci95: width("noZerosComputeCycles"),
    baseline_cycles_ci95: width("baselineCycles"),
    baseline_compute_cycles_ci95: width("baselineComputeCycles"),
    energy_ci95_pJ: width("energy.picojoules"),
  };
}

/** Energy by what all machines have: their levels are taken together, as is DRAM. Empty where none was asked for. */
function energyColumns({ energy }: ResultRow): Record<string, number | null> {
  const parts = { mac: 0, register: 0, skipping: 0, vector: 0, on_chip_level: 0, dram: 0 };
  for (const [component, picojoules] of Object.entries(energy?.components ?? {})) {
    const isDram = component.startsWith("dram ");
    const isOwn = Object.hasOwn(parts, component);
    parts[isDram ? "dram" : isOwn ? (component as keyof typeof parts) : "on_chip_level"] += picojoules;
  }
  const told = Object.entries(parts).map(([part, picojoules]) => [
    `${part}_energy_pJ`,
    energy === undefined ? null : picojoules,
  ]);
  return {
    energy_pJ: energy?.picojoules ?? null,
    baseline_energy_pJ: energy?.baselinePicojoules ?? null,
    ...Object.fromEntries(told),
  };
}
