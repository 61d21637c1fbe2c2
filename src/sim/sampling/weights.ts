/**
 * How much each group of a stratified sample counts: units of its stratum / units drawn, moved a little so that a count which
 * is known of every group and of the whole (the effectual MACs) comes out right. One set of weights serves all counts, so that sums
 * and differences of estimates are estimates of sums and differences; a count that is equal in all units, or proportional
 * to the known one, has no error. This is the combined regression estimator: Cochran, Sampling Techniques (1977), section 7.10, written
 * as weights after Deville & Särndal, Calibration Estimators in Survey Sampling (JASA 1992).
 */
import type { Stratum } from "./draw.ts";

/** A group by its place, to be left out. */
export interface Place {
  readonly stratum: number;
  readonly group: number;
}

/**
 * Weights by stratum and group; 0 for a group that is left out.
 * @param known the known count of each group.
 * @param total the known count of the whole.
 */
export function weightsOf(
  strata: readonly Stratum[],
  known: readonly (readonly number[])[],
  total: number,
  without?: Place,
): number[][] {
  const isIn = (stratum: number, group: number) => stratum !== without?.stratum || group !== without.group;
  const parts = strata.map(({ units, groups }, h) => {
    const kept = groups.map((_, g) => isIn(h, g));
    const count = kept.filter((isKept) => isKept).length;
    const weight = units / (count * groups[0].length);
    const mean = known[h].reduce((sum, value, g) => sum + (kept[g] ? value : 0), 0) / count;
    return { kept, weight, deviations: known[h].map((value) => value - mean), estimate: weight * count * mean };
  });
  let spread = 0;
  let missing = total;
  for (const { kept, weight, deviations, estimate } of parts) {
    missing -= estimate;
    deviations.forEach((deviation, g) => {
      if (kept[g]) spread += weight * deviation ** 2;
    });
  }
  const slope = spread > 0 ? missing / spread : 0;
  return parts.map(({ kept, weight, deviations }) =>
    deviations.map((deviation, g) => (kept[g] ? weight * (1 + slope * deviation) : 0)),
  );
}
