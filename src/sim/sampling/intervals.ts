/**
 * Half-widths of 95 % confidence intervals of everything that is worked out from a stratified sample of groups, by leaving out one
 * group after the other (jackknife): Var = Σ over strata of (1 − sampled share) (groups − 1) / groups Σ (θ without g − θ)².
 * Degrees of freedom after Satterthwaite. Sources: Cochran, Sampling Techniques (1977), equation 5.16;
 * Wolter, Introduction to Variance Estimation (2007), chapter 4.
 */
import { drawnShare } from "./draw.ts";
import type { Numbers } from "./number-paths.ts";
import type { Plan } from "./sampled-operation.ts";
import { student95 } from "./student.ts";

/** Replicates of a plan: what comes out without each group, by stratum; none for a stratum that was drawn whole. */
export interface Replicates {
  readonly plan: Plan;
  readonly without: readonly (readonly Numbers[])[];
}

/** What comes out at the worst of errors that are no chance. */
export interface Shifts {
  /** They may come on top of any other. */
  readonly edges: readonly Numbers[];
  /** They may be there where chance shows nothing. */
  readonly unseen: readonly Numbers[];
}

/** Half-widths by path, and what of them is no chance, so that over several operations it adds up. */
export interface HalfWidths {
  readonly ci95: Record<string, number>;
  readonly bounds: Record<string, number>;
}

/** Of each number of `estimate`, which is `fractions` in whole counts, that varies by more than arithmetic does. */
export function halfWidths(
  estimate: Numbers,
  fractions: Numbers,
  replicates: readonly Replicates[],
  { edges, unseen }: Shifts,
): HalfWidths {
  const widths: HalfWidths = { ci95: {}, bounds: {} };
  for (const [path, value] of estimate) {
    const center = fractions.get(path) ?? 0;
    const shifted = (shifts: readonly Numbers[]) =>
      shifts.reduce((sum, numbers) => sum + Math.abs((numbers.get(path) ?? 0) - center), 0);
    const chance = chanceOf(path, center, replicates);
    const bound = shifted(edges) + Math.max(0, shifted(unseen) - chance);
    // Of counts in whole ones, with what rounding does to them.
    const isCount = Number.isInteger(value);
    if (chance + bound <= (isCount ? COUNTED : ARITHMETIC * Math.abs(value))) continue;
    widths.ci95[path] = isCount ? Math.ceil(chance + bound + ROUNDING) : chance + bound;
    if (bound > 0) widths.bounds[path] = bound;
  }
  return widths;
}

/** Half-width of what the draw does. */
function chanceOf(path: string, center: number, replicates: readonly Replicates[]): number {
  let variance = 0;
  let squares = 0;
  for (const { plan, without } of replicates) {
    without.forEach((stratum, h) => {
      if (stratum.length === 0) return;
      const spread = stratum.reduce((sum, numbers) => sum + ((numbers.get(path) ?? 0) - center) ** 2, 0);
      const part = ((1 - drawnShare(plan.strata[h])) * (stratum.length - 1) * spread) / stratum.length;
      variance += part;
      squares += part ** 2 / (stratum.length - 1);
    });
  }
  return variance === 0 ? 0 : student95(variance ** 2 / squares) * Math.sqrt(variance);
}

const ROUNDING = 0.5;
/** What arithmetic on doubles does to sums, generously: to counts, and relative to others. */
const COUNTED = 1e-3;
const ARITHMETIC = 1e-9;
