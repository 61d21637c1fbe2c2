/**
 * Draws a stratified sample. Units of like work make a stratum; of each the same share is drawn without replacement, at least four units,
 * and put into random groups of equal size, which are what is simulated and what the variance is estimated from. Small strata, as
 * those of outliers, are taken whole. Source: Cochran, Sampling Techniques (1977), chapters 5 and 5A; random groups: Wolter,
 * Introduction to Variance Estimation (2007), chapter 2.
 */
import seedrandom from "seedrandom";
import { strataBySize } from "./strata.ts";

/** Units of like work, and groups of those that were drawn. */
export interface Stratum {
  /** All units, by number. */
  readonly members: readonly number[];
  /** Groups of equal size, units by number, ascending; at least four, or one of all units. */
  readonly groups: readonly (readonly number[])[];
}

/** Fewer tell too little of the variance. */
const LEAST_GROUPS = 4;
const MOST_STRATA = 3;
const LEAST_DRAWN = MOST_STRATA * LEAST_GROUPS;
/** Beyond it, unless more is asked for, a sample costs what the whole does: its groups are cut out and simulated one by one. */
const WORTHWHILE = 0.5;
/** Of a stratum of which hardly less is drawn, everything is. */
const NEARLY_ALL = 0.8;

/** Strata and groups for about a share of the units whose work is given; the same `key` draws the same. Null where that saves nothing. */
export function drawStrata(work: readonly number[], share: number, key: string): Stratum[] | null {
  const most = Math.max(share, WORTHWHILE) * work.length + 1 / 2;
  const drawn = Math.max(LEAST_DRAWN, Math.round(share * work.length));
  if (drawn > most) return null;
  const random = seedrandom(key);
  const strata = strataBySize(work, MOST_STRATA).map((members) =>
    drawGroups(members, Math.max(LEAST_GROUPS, Math.round((drawn * members.length) / work.length)), random),
  );
  const count = strata.reduce((sum, { groups }) => sum + groups.length * groups[0].length, 0);
  return count > most || strata.every((stratum) => drawnShare(stratum) === 1) ? null : strata;
}

function drawGroups(members: readonly number[], drawn: number, random: () => number): Stratum {
  if (drawn >= NEARLY_ALL * members.length) return { members, groups: [members] };
  const rest = [...members];
  const draw = () => rest.splice(Math.floor(random() * rest.length), 1)[0];
  // Four to seven groups: each is simulated by itself, and left out once.
  const size = Math.floor(drawn / LEAST_GROUPS);
  const groups = Array.from({ length: Math.floor(drawn / size) }, () =>
    Array.from({ length: size }, draw).sort((a, b) => a - b),
  );
  return { members, groups };
}

/** Share of a stratum that is drawn. */
export function drawnShare({ members, groups }: Stratum): number {
  return (groups.length * groups[0].length) / members.length;
}

/** A group by its place, to be left out. */
export interface Place {
  readonly stratum: number;
  readonly group: number;
}

/** How much each group counts: units of its stratum / units drawn; 0 for one that is left out. By stratum, one after the other. */
export function weightsOf(strata: readonly Stratum[], without?: Place): number[] {
  return strata.flatMap(({ members, groups }, stratum) => {
    const left = stratum === without?.stratum ? without.group : -1;
    const weight = members.length / ((groups.length - Number(left >= 0)) * groups[0].length);
    return groups.map((_, group) => (group === left ? 0 : weight));
  });
}
