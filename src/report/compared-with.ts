/** The part of a report's input that is compared with one baseline, where results and points have several. */
import { InputError, unknownName } from "../io/faults.ts";
import type { ReportInput } from "./charts/index.ts";

/** What points of old sweeps, which name no baseline, are compared with. */
const COUNTERPART = "own dense counterpart";

/**
 * Machines and points that were compared with `baseline`; figures over another baseline need another simulation.
 * @throws InputError where nothing was compared with it.
 */
export function comparedWith({ results, points, ...rest }: ReportInput, baseline: string): ReportInput {
  const ofPoint = (point: ReportInput["points"][number]) => point.baseline ?? COUNTERPART;
  const known = new Set([
    ...results.flatMap(({ result }) => result.machines.map((machine) => machine.baseline.name)),
    ...points.map(ofPoint),
  ]);
  if (!known.has(baseline)) {
    const fault = `baseline: ${unknownName("baseline", baseline, [...known])}`;
    throw new InputError([fault], { unknownNames: ["baseline"] });
  }
  const chosen = results.map(({ result, ...file }) => ({
    ...file,
    result: { ...result, machines: result.machines.filter((machine) => machine.baseline.name === baseline) },
  }));
  return {
    ...rest,
    results: chosen.filter(({ result }) => result.machines.length > 0),
    points: points.filter((point) => ofPoint(point) === baseline),
  };
}
