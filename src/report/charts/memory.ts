/** Energy, bytes moved and bytes held. */
import type { SimulationResult } from "../../sim/result/result.ts";
import { joules, withUnit } from "../numbers.ts";
import { type Cell, energyOf, type NamedResult, sumRecords, unique, workloadOf } from "../workloads.ts";
import { type Chart, largestParts, type Piece, stackedBars } from "./chart.ts";

const PICOJOULES_PER_MICROJOULE = 1e6;
const BYTES_PER_MB = 1e6;
const DRAM = "dram";

/** Energy of a step by component; null where no result knows it. */
export function energyChart(cells: readonly Cell[]): Chart | null {
  const known = cells.flatMap((cell) => {
    const energy = energyOf(cell.rows);
    return energy === null ? [] : [{ cell, energy }];
  });
  if (known.length === 0) return null;
  const partOf = largestParts(sumRecords(known.map(({ energy }) => energy)), "other components");
  const pieces = known.flatMap(({ cell, energy }) =>
    Object.entries(energy).map(([component, picojoules]): Piece => {
      const step = picojoules / cell.traces.length;
      const value = step / PICOJOULES_PER_MICROJOULE;
      return { ...place(cell), part: partOf(component), value, tip: `${label(cell)}, ${component}: ${joules(step)}` };
    }),
  );
  return {
    id: "energy",
    title: "Energy of a training step",
    note: "By component, mean of the recorded steps.",
    spec: stackedBars(pieces, unique(pieces.map(({ part }) => part)), { title: "µJ a step" }),
  };
}

/** Bytes of a step over the interface of DRAM by tensor; null where nothing moves. */
export function trafficChart(cells: readonly Cell[]): Chart | null {
  const traffic = cells.map(({ rows }) => sumRecords(rows.map((row) => row.traffic[DRAM] ?? {})));
  const totals = sumRecords(traffic);
  if (Object.values(totals).every((bytes) => bytes === 0)) return null;
  const partOf = largestParts(totals, "other tensors");
  const pieces = cells.flatMap((cell, index) =>
    Object.entries(traffic[index]).map(([tensor, bytes]): Piece => {
      const step = bytes / cell.traces.length;
      const tip = `${label(cell)}, ${tensor}: ${withUnit(step, "B")}`;
      return { ...place(cell), part: partOf(tensor), value: step / BYTES_PER_MB, tip };
    }),
  );
  return {
    id: "traffic",
    title: "DRAM traffic of a training step",
    note: "Bytes over the interface of DRAM, mean of the recorded steps: operands and outputs of what multiplies, what all else reads and writes. Traffic of the levels on chip is in the table.",
    spec: stackedBars(pieces, unique(pieces.map(({ part }) => part)), { title: "MB a step" }),
  };
}

type Footprint = SimulationResult["footprint"][number];

/** The last recorded step of each workload, and what is held for it. */
export function footprints(results: readonly NamedResult[]): { readonly workload: string; readonly held: Footprint }[] {
  const last = new Map<string, Footprint>();
  for (const { result } of results) {
    result.traces.forEach((trace, index) => {
      const workload = workloadOf(trace);
      const held = result.footprint[index];
      if (held !== undefined && held.step >= (last.get(workload)?.step ?? 0)) last.set(workload, held);
    });
  }
  return [...last].map(([workload, held]) => ({ workload, held }));
}

const COLUMNS = {
  "dense training": "denseBytes",
  "values only": "sparseBytes",
  "with index": "sparseIndexedBytes",
} as const;

/** Bytes held for a step by part. */
export function footprintChart(results: readonly NamedResult[]): Chart | null {
  const all = footprints(results);
  if (all.length === 0) return null;
  const totals = sumRecords(
    all.flatMap(({ held }) => held.parts.map((part) => ({ [part.part]: part.denseBytes + part.sparseIndexedBytes }))),
  );
  const partOf = largestParts(totals, "other parts");
  const pieces = all.flatMap(({ workload, held }) =>
    held.parts.flatMap((part) =>
      Object.entries(COLUMNS).map(
        ([bar, key]): Piece => ({
          panel: workload,
          bar,
          part: partOf(part.part),
          value: part[key] / BYTES_PER_MB,
          tip: `${workload}, ${bar}, ${part.part}: ${withUnit(part[key], "B")}`,
        }),
      ),
    ),
  );
  const shown = pieces.filter(({ value }) => value > 0);
  return {
    id: "footprint",
    title: "Memory held for a training step",
    note: "The last recorded step of each workload: dense training, the method's values alone, and with their indices.",
    spec: stackedBars(shown, unique(shown.map(({ part }) => part)), { title: "MB" }),
  };
}

function place({ workload, machine }: Cell): { readonly panel: string; readonly bar: string } {
  return { panel: workload, bar: machine };
}

function label({ workload, machine }: Cell): string {
  return `${machine}, ${workload}`;
}
