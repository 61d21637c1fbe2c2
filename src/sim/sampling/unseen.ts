/**
 * How far an estimate may be off without any sign of it, where the drawn units are alike: with 95 %, at most 3/n of the units are
 * unlike n that are alike (the rule of three: Hanley and Lippman-Hand, If Nothing Goes Wrong, Is Everything All Right?, JAMA 249, 1983).
 * How unlike they may be is told from their work, which is known of all units: by as much as if cycles were proportional
 * to it, and by one cycle at least.
 */
import type { Stratum } from "./draw.ts";

const RULE_OF_THREE = 3;

/**
 * Cycles by which the sum over all units may differ from what was drawn.
 * @param work of each unit.
 * @param cycles of each group, by stratum, one after the other.
 * @param least cycles by which a unit differs at least, if at all.
 */
export function unseenCycles(
  strata: readonly Stratum[],
  work: readonly number[],
  cycles: readonly number[],
  least: number,
): number {
  let next = 0;
  const drawnOf = strata.map(({ groups }) => {
    const units = groups.flat();
    return { units, work: sum(units.map((unit) => work[unit])), cycles: sum(groups.map(() => cycles[next++])) };
  });
  const all = { work: sum(drawnOf.map(({ work }) => work)), cycles: sum(cycles) };
  return sum(
    strata.map(({ members }, h) => {
      const drawn = drawnOf[h];
      const mean = drawn.work / drawn.units.length;
      // Where all that were drawn of a stratum are idle, what work takes is told from the others.
      const of = drawn.work > 0 ? drawn : all;
      const rate = of.work > 0 ? of.cycles / of.work : 0;
      const isDrawn = new Set(drawn.units);
      const rest = members.filter((unit) => !isDrawn.has(unit));
      const unlike = sum(rest.map((unit) => Math.abs(work[unit] - mean) * rate + least));
      return Math.min(1, RULE_OF_THREE / drawn.units.length) * unlike;
    }),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
