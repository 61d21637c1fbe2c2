/** What results say where traces do not hold the whole step: a line each, and a mark for figures of the whole step. */
import type { SimulationResult } from "../sim/result/result.ts";
import { type Coverage, coverageText } from "../trace/coverage.ts";
import type { SweepMetrics, SweepPoint } from "./sweep/sweep-points.ts";
import type { Cell } from "./workloads.ts";

/** Stands behind a figure of an incomplete step. */
const INCOMPLETE_MARK = "*";

/** The mark where steps are incomplete, else nothing. */
export function incompleteMark({ isIncomplete }: Pick<Cell, "isIncomplete">): string {
  return isIncomplete ? INCOMPLETE_MARK : "";
}

/** Metrics of a sweep that are of the whole step. */
const STEP_METRICS: ReadonlySet<string> = new Set<keyof SweepMetrics>([
  ...(["cycles", "seconds", "speedup", "ownSkippingGain", "speedupFromZeros"] as const),
  ...(["energyPicojoules", "dramBytes"] as const),
]);

/** The mark behind a metric of a point whose trace does not hold the whole step, else nothing. */
export function pointMark({ coverage }: SweepPoint, metric: string): string {
  return coverage !== undefined && STEP_METRICS.has(metric) ? INCOMPLETE_MARK : "";
}

/** A line for each incomplete trace of a sweep's points. */
export function pointNotes(points: readonly SweepPoint[]): string[] {
  const notes = points.flatMap(({ trace, coverage }) => (coverage === undefined ? [] : noteOf(trace, coverage)));
  return [...new Set(notes)];
}

/** A line for each incomplete trace. */
export function coverageNotes({ traces, baseline }: Pick<SimulationResult, "traces" | "baseline">): string[] {
  return [...traces, ...baseline.traces].flatMap(({ name, coverage }) =>
    coverage === undefined ? [] : noteOf(name, coverage),
  );
}

function noteOf(trace: string, coverage: Coverage): string {
  return `${INCOMPLETE_MARK} incomplete step, ${trace}: ${coverageText(coverage)}.`;
}
