/**
 * Deals the pairs of an outer and an inner set to the tiles, in loop order. T consecutive sets form a step group, one for
 * each tile; a group takes as long as its slowest tile. "filters" (DNNsim's rule) groups the inner sets
 * of one outer set, so tail tiles idle; "sets" lets a group run on into the next outer set. One rule for every machine.
 */
import type { SetCosts } from "./set-costs.ts";

/** How sets are dealt to tiles. */
export type Dealing = "filters" | "sets";

/** Items cut into sets of `size`, the last one holding `last`; the whole sequence of `sets` sets comes `repeat` times. */
export interface SetAxis {
  readonly size: number;
  readonly sets: number;
  readonly last: number;
  readonly repeat: number;
}

/** Cuts `items` items into sets of `size`. */
export function setAxis(items: number, size: number, repeat = 1): SetAxis {
  const sets = Math.ceil(items / size);
  return { size, sets, last: items - (sets - 1) * size, repeat };
}

/** How the pairs are dealt, and which axis holds the scheduled operand. */
export interface Deal {
  readonly outer: SetAxis;
  readonly inner: SetAxis;
  /** Axis whose sets `costs` lists: outer sets in order with their repeats, or inner sets. */
  readonly scheduled: "outer" | "inner";
  readonly costs: SetCosts;
  readonly tiles: number;
  readonly dealing: Dealing;
  /** Whether a tile's skip counter runs on from set to set; it starts at 0 in every deal. */
  readonly carrySkip: boolean;
}

/** Sums over the deals of one operation. */
export interface DealTotals {
  cycles: number;
  baseCycles: number;
  packedCycles: number;
  /** Cycles of all tiles × processing elements that had both an outer and an inner item. */
  scheduledPEs: number;
  /** Cycles of all tiles × processing elements without work, in tiles that worked. */
  idlePEs: number;
  /** Cycles of all tiles × outer items in them: lines of the outer operand that were read. */
  outerLines: number;
  /** The same for the inner operand. */
  innerLines: number;
  /** Values of the scheduled operand × items of the other one: MACs that are done. */
  occupied: number;
  /** As `scheduledPEs`, if every set were packed perfectly. */
  packedPEs: number;
  /** Outer items × inner items: results. */
  outputs: number;
}

/** Totals of nothing. */
export function emptyTotals(): DealTotals {
  return {
    cycles: 0,
    baseCycles: 0,
    packedCycles: 0,
    scheduledPEs: 0,
    idlePEs: 0,
    outerLines: 0,
    innerLines: 0,
    occupied: 0,
    packedPEs: 0,
    outputs: 0,
  };
}

/** Runs through all pairs of `deal` and adds them to `totals`, `times` times (images that cost the same). */
export function dealPairs(deal: Deal, totals: DealTotals, times = 1): void {
  const { outer, inner, costs, tiles, carrySkip } = deal;
  const { lines, leading, rest, end, ideal } = costs;
  const outerCount = outer.sets * outer.repeat;
  const byOuter = deal.scheduled === "outer";
  const cutRows = deal.dealing === "filters";
  const period = costs.lookahead + 1;
  const elements = outer.size * inner.size;
  const skips = new Int32Array(tiles);
  let tile = 0;
  let slowest = 0;
  let slowestPacked = 0;
  for (let o = 0; o < outerCount; o++) {
    const outerLive = o % outer.sets === outer.sets - 1 ? outer.last : outer.size;
    for (let i = 0; i < inner.sets; i++) {
      const innerLive = i === inner.sets - 1 ? inner.last : inner.size;
      const set = byOuter ? o : i;
      const zeros = skips[tile] + leading[set];
      const cycles = rest[set] + Math.floor(zeros / period);
      if (carrySkip) skips[tile] = end[set] < 0 ? zeros % period : end[set];
      if (cycles > slowest) slowest = cycles;
      if (ideal[set] > slowestPacked) slowestPacked = ideal[set];
      totals.scheduledPEs += times * cycles * outerLive * innerLive;
      totals.idlePEs += times * cycles * (elements - outerLive * innerLive);
      totals.outerLines += times * cycles * outerLive;
      totals.innerLines += times * cycles * innerLive;
      totals.occupied += times * costs.nonzeros[set] * (byOuter ? innerLive : outerLive);
      totals.packedPEs += times * Math.min(ideal[set], cycles) * outerLive * innerLive;
      totals.outputs += times * outerLive * innerLive;
      tile++;
      const lastOfOuter = i === inner.sets - 1;
      if (tile === tiles || (lastOfOuter && (cutRows || o === outerCount - 1))) {
        totals.cycles += times * slowest;
        totals.packedCycles += times * slowestPacked;
        totals.baseCycles += times * lines;
        tile = 0;
        slowest = 0;
        slowestPacked = 0;
      }
    }
  }
}

/** Step groups of a deal: cycles of an array that skips nothing are step groups × lines. */
export function stepGroups(outer: SetAxis, inner: SetAxis, tiles: number, dealing: Dealing): number {
  const outerCount = outer.sets * outer.repeat;
  return dealing === "filters"
    ? outerCount * Math.ceil(inner.sets / tiles)
    : Math.ceil((outerCount * inner.sets) / tiles);
}
