/** The charts of a report, in its order: those that the results have something for. */
import type { MeasuredPoint } from "../sweep/sweep-points.ts";
import type { StudyResult } from "../whole-run/result.ts";
import { type Cell, cellsOf, type NamedResult } from "../workloads.ts";
import type { Chart } from "./chart.ts";
import { causesChart, gainChart, stallsChart } from "./cycles.ts";
import { energyChart, footprintChart, trafficChart } from "./memory.ts";
import { paretoChart } from "./pareto.ts";
import { rooflineChart } from "./roofline.ts";
import { sparsityChart } from "./sparsity.ts";
import { speedupCharts } from "./speedup.ts";
import { trainingCharts } from "./training.ts";

/** What a report is about. */
export interface ReportInput {
  readonly results: readonly NamedResult[];
  /** Points of a sweep; may be none. */
  readonly points: readonly MeasuredPoint[];
  /** A study of whole runs. */
  readonly study?: StudyResult | undefined;
}

/** All charts. @throws InputError as `cellsOf`. */
export function chartsOf({ results, points }: Omit<ReportInput, "study">): Chart[] {
  const cells = cellsOf(results);
  const sweep = points.length === 0 ? [] : [paretoChart(points), sparsityChart(points)];
  const simulated = cells.length === 0 ? [] : simulationCharts(cells, results);
  return [...simulated, ...sweep].filter((chart) => chart !== null);
}

function simulationCharts(cells: readonly Cell[], results: readonly NamedResult[]): (Chart | null)[] {
  return [
    ...speedupCharts(cells),
    gainChart(cells),
    causesChart(cells),
    stallsChart(cells),
    energyChart(cells),
    trafficChart(cells),
    footprintChart(results),
    rooflineChart(cells),
    ...trainingCharts(cells),
  ];
}
