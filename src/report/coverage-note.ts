/** What results say where traces do not hold the whole step: a line each, and a mark for figures of the whole step. */
import type { SimulationResult } from "../sim/result/result.ts";
import { coverageText } from "../trace/coverage.ts";

/** Stands behind a figure of an incomplete step. */
export const INCOMPLETE_MARK = "*";

/** The mark where a trace of the result is incomplete, else nothing. */
export function incompleteMark({ traces, baseline }: Pick<SimulationResult, "traces" | "baseline">): string {
  return [...traces, ...baseline.traces].some(({ coverage }) => coverage !== undefined) ? INCOMPLETE_MARK : "";
}

/** A line for each incomplete trace. */
export function coverageNotes({ traces, baseline }: Pick<SimulationResult, "traces" | "baseline">): string[] {
  return [...traces, ...baseline.traces].flatMap(({ name, coverage }) =>
    coverage === undefined ? [] : [`${INCOMPLETE_MARK} incomplete step, ${name}: ${coverageText(coverage)}.`],
  );
}
