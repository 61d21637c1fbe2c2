/** Density of the operands and speed-up of the machines over the recorded steps of a training run. */
import type { ResultRow } from "../../sim/result/result.ts";
import { share, times } from "../numbers.ts";
import { arraySpeedup, type Cell, multiplies, ratio, sumOf, unique } from "../workloads.ts";
import { type Chart, numbered, panels, panelWidth, themed } from "./chart.ts";
import { series } from "./speedup.ts";

const OPERANDS = ["weight", "input", "outputGrad"] as const;
const HEIGHT = 200;

interface Value {
  readonly workload: string;
  readonly step: number;
  readonly series: string;
  readonly value: number;
  readonly tip: string;
}

/** The charts of workloads with several steps; none where there is no such. */
export function trainingCharts(cells: readonly Cell[]): Chart[] {
  const runs = cells.filter((cell) => stepsOf(cell).length > 1);
  if (runs.length === 0) return [];
  const firsts = runs.filter((cell) => cell === runs.find(({ workload }) => workload === cell.workload));
  const speedups = runs.flatMap((cell) =>
    byStep(
      cell,
      cell.machine,
      (rows) => arraySpeedup(cell, rows),
      (speedup) => `${times(speedup)} ×`,
    ),
  );
  const densities = firsts.flatMap((cell) =>
    OPERANDS.flatMap((operand) => byStep(cell, operand, (rows) => densityOf(rows, operand), share)),
  );
  return [
    {
      id: "density-over-training",
      title: "Density over training",
      note: "Nonzeros / size of the operands of convolutions and linear layers, mean over ops weighted by their dense MACs.",
      spec: lines(densities, { title: "density", format: "%" }),
    },
    {
      id: "speedup-over-training",
      title: "Speed-up over training",
      note: "The array alone, all passes, as above.",
      spec: lines(speedups, { title: "speed-up (×)" }),
    },
  ];
}

/** Recorded steps of a cell, ascending. */
function stepsOf({ rows }: Cell): number[] {
  return unique(rows.map(({ step }) => step)).sort((a, b) => a - b);
}

/** Mean density of an operand, weighted by dense MACs; null where no op has it. */
export function densityOf(rows: readonly ResultRow[], operand: string): number | null {
  const own = rows.filter(({ densities }) => densities[operand] !== undefined);
  return ratio(
    sumOf(own, ({ densities, macs }) => densities[operand] * macs.dense),
    sumOf(own, ({ macs }) => macs.dense),
  );
}

function byStep(
  cell: Cell,
  name: string,
  measure: (rows: readonly ResultRow[]) => number | null,
  show: (value: number) => string,
): Value[] {
  const { workload } = cell;
  return stepsOf(cell).flatMap((step) => {
    const value = measure(cell.rows.filter((row) => row.step === step && multiplies(row)));
    if (value === null) return [];
    return { workload, step, series: name, value, tip: `${name}, ${workload}, step ${step}: ${show(value)}` };
  });
}

function lines(values: readonly Value[], axis: { readonly title: string; readonly format?: string }) {
  const names = unique(values.map(({ workload }) => workload));
  return themed({
    data: { values: numbered(values, "workload") },
    width: panelWidth(names.length),
    height: HEIGHT,
    mark: { type: "line", point: { filled: true, size: 40 } },
    encoding: {
      ...panels(names, "workload"),
      x: { field: "step", type: "quantitative", title: "training step", axis: { tickCount: 5, format: "d" } },
      y: { field: "value", type: "quantitative", axis: { tickCount: 5, ...axis } },
      ...series("series", unique(values.map((value) => value.series))),
      description: { field: "tip", type: "nominal" },
    },
  });
}
