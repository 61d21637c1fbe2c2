/**
 * Half-widths of 95 % confidence intervals of everything that is worked out from a stratified sample of groups, by leaving out one
 * group after the other (jackknife): Var = Σ over strata of (1 − sampled share) (groups − 1) / groups Σ (θ without g − θ)².
 * Degrees of freedom after Satterthwaite. Sources: Cochran, Sampling Techniques (1977), equation 5.16 and section 6.17;
 * Wolter, Introduction to Variance Estimation (2007), chapter 4.
 */
import { drawnShare } from "./draw.ts";
import type { Plan } from "./sampled-operation.ts";
import { student95 } from "./student.ts";

/** Numbers by path. */
export type Numbers = ReadonlyMap<string, number>;

/** Replicates of a plan: what comes out without each group, by stratum; none for a stratum that was drawn whole. */
export interface Replicates {
  readonly plan: Plan;
  readonly without: readonly (readonly Numbers[])[];
}

/** The numbers of nested records, by the names on the way to them; lists are left out. */
export function numbersIn(value: unknown, path = "", into = new Map<string, number>()): Map<string, number> {
  if (typeof value === "number") into.set(path, value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return into;
  for (const [name, inner] of Object.entries(value)) numbersIn(inner, path === "" ? name : `${path}.${name}`, into);
  return into;
}

/**
 * Half-width of each number of `estimate`, which is `fractions` in whole counts, that varies by more than arithmetic does. `shifts` are what it would be at the worst of
 * errors that are no chance, which add up.
 */
export function halfWidths(
  estimate: Numbers,
  fractions: Numbers,
  replicates: readonly Replicates[],
  shifts: readonly Numbers[],
): Record<string, number> {
  const widths: Record<string, number> = {};
  for (const [path, value] of estimate) {
    const center = fractions.get(path) ?? 0;
    let variance = 0;
    let squares = 0;
    for (const { plan, without } of replicates) {
      const drawn = without.filter((stratum) => stratum.length > 0);
      const degrees = drawn.reduce((sum, stratum) => sum + stratum.length - 1, 0);
      // One of them goes to the slope of the regression.
      const kept = (degrees - 1) / degrees;
      without.forEach((stratum, h) => {
        if (stratum.length === 0) return;
        const values = stratum.map((numbers) => numbers.get(path) ?? 0);
        const spread = values.reduce((sum, each) => sum + (each - center) ** 2, 0);
        const part = ((1 - drawnShare(plan.strata[h])) * (values.length - 1) * spread) / values.length;
        variance += part;
        squares += part ** 2 / ((values.length - 1) * kept);
      });
    }
    const error = variance === 0 ? 0 : student95(variance ** 2 / squares) * Math.sqrt(variance);
    const width = shifts.reduce((sum, numbers) => sum + Math.abs((numbers.get(path) ?? 0) - center), error);
    // Of counts in whole ones, with what rounding does to them.
    const isCount = Number.isInteger(value);
    if (width > (isCount ? COUNTED : ARITHMETIC * Math.abs(value))) {
      widths[path] = isCount ? Math.ceil(width + ROUNDING) : width;
    }
  }
  return widths;
}

const ROUNDING = 0.5;
/** What arithmetic on doubles does to sums, generously: to counts, and relative to others. */
const COUNTED = 1e-3;
const ARITHMETIC = 1e-9;
