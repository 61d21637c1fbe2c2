/**
 * Draws a stratified sample. Units are put in order of their work. The first and the last are taken with certainty, because no other
 * tells of them; those without work are strata of their own; the others are cut into strata of equal size. Of each stratum
 * some are drawn without replacement and put into random groups of equal size, which are what is simulated and what the
 * variance is estimated from. Source: Cochran, Sampling Techniques (1977), chapters 5 and 5A; random groups: Wolter,
 * Introduction to Variance Estimation (2007), chapter 2.
 */
import seedrandom from "seedrandom";

/** Units of like work, and groups of those that were drawn. */
export interface Stratum {
  readonly units: number;
  /** Groups of equal size, units by number, ascending; at least four, unless all units are drawn. */
  readonly groups: readonly (readonly number[])[];
}

/** Fewer tell too little of the variance. */
const LEAST_DRAWN = 10;
const CERTAIN = 2;
const MOST_STRATA = 3;
const LEAST_GROUPS = 4;

/** Units that a share asks for. */
export function drawnUnits(units: number, share: number): number {
  return Math.max(LEAST_DRAWN, Math.round(units * share));
}

/** Strata and groups for about `drawn` of the units whose work is given, which are more; the same `key` draws the same. */
export function drawStrata(work: readonly number[], drawn: number, key: string): Stratum[] {
  const random = seedrandom(key);
  const order = Array.from(work.keys()).sort((a, b) => work[a] - work[b] || a - b);
  const rest = order.slice(1, -1);
  const idle = rest.filter((unit) => work[unit] === 0);
  const busy = rest.slice(idle.length);
  const share = (drawn - CERTAIN) / rest.length;
  return [
    { units: 1, groups: [order.slice(0, 1)] },
    ...strataOf(idle, share, random),
    ...strataOf(busy, share, random),
    { units: 1, groups: [order.slice(-1)] },
  ];
}

/** Cuts units in order into strata and draws about a share of each. */
function strataOf(units: readonly number[], share: number, random: () => number): Stratum[] {
  if (units.length === 0) return [];
  const drawn = Math.max(LEAST_GROUPS, Math.round(units.length * share));
  if (drawn >= units.length) return [{ units: units.length, groups: units.map((unit) => [unit]) }];
  const strata = Math.min(MOST_STRATA, Math.floor(drawn / LEAST_GROUPS));
  const parts = (count: number, i: number) => Math.floor((i * count) / strata);
  return Array.from({ length: strata }, (_, i): Stratum => {
    const members = units.slice(parts(units.length, i), parts(units.length, i + 1));
    const wanted = parts(drawn, i + 1) - parts(drawn, i);
    // Four to seven groups: each is simulated by itself, and left out once.
    const size = Math.floor(wanted / LEAST_GROUPS);
    const draw = () => members.splice(Math.floor(random() * members.length), 1)[0];
    const stratum = members.length;
    const groups = Array.from({ length: Math.floor(wanted / size) }, () =>
      Array.from({ length: size }, draw).sort((a, b) => a - b),
    );
    return { units: stratum, groups };
  });
}

/** Share of a stratum that is drawn. */
export function drawnShare({ units, groups }: Stratum): number {
  return (groups.length * groups[0].length) / units;
}
