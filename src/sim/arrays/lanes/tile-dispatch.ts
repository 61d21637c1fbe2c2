/**
 * Dispatches the pairs of an outer and an inner set to the tiles, in loop order. T consecutive sets form a step group, one for
 * each tile; a group takes as long as its slowest tile. "filters" (DNNsim's rule) groups the inner sets
 * of one outer set, so tail tiles idle; "sets" lets a group run on into the next outer set. One rule for every machine.
 */
import type { SetCosts } from "./schedule/set-costs.ts";

/** How sets are dispatched to tiles. */
export type TileDispatch = "filters" | "sets";

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

/** How the pairs are dispatched, and which axis holds the scheduled operand. */
export interface PairDispatch {
  readonly outer: SetAxis;
  readonly inner: SetAxis;
  /** What costs list: outer sets in order with their repeats, inner sets, or "pairs", the inner sets as they cost beside an outer set. */
  readonly scheduled: "outer" | "inner" | "pairs";
  /** Of all sets or, for "pairs", beside an outer set. */
  readonly costs: SetCosts | ((outerSet: number) => SetCosts);
  readonly tiles: number;
  readonly dealing: TileDispatch;
  /** Whether a tile's skip counter runs on from set to set; it starts at 0 in every dispatch. */
  readonly carrySkip: boolean;
}

/** Sums over the dispatches of one operation. */
export interface DispatchTotals {
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
  /** MACs that are done: values of the scheduled operand × items of the other one, or pairs of two nonzeros. */
  occupied: number;
  /** Those of them with an element outside the image. */
  imagePadding: number;
  /** As `scheduledPEs`, if every set were packed perfectly. */
  packedPEs: number;
  /** Outer items × inner items: results. */
  outputs: number;
}

/** Totals of nothing. */
export function emptyTotals(): DispatchTotals {
  return {
    cycles: 0,
    baseCycles: 0,
    packedCycles: 0,
    scheduledPEs: 0,
    idlePEs: 0,
    outerLines: 0,
    innerLines: 0,
    occupied: 0,
    imagePadding: 0,
    packedPEs: 0,
    outputs: 0,
  };
}

/** Runs through all pairs of `dispatch` and adds them to `totals`, `times` times (images that cost the same). */
export function dispatchPairs(dispatch: PairDispatch, totals: DispatchTotals, times = 1): void {
  const { outer, inner, costs, tiles, carrySkip } = dispatch;
  const costsOf = typeof costs === "function" ? costs : () => costs;
  const outerCount = outer.sets * outer.repeat;
  const byOuter = dispatch.scheduled === "outer";
  const byPair = dispatch.scheduled === "pairs";
  const cutRows = dispatch.dealing === "filters";
  const skips = new Int32Array(tiles);
  let tile = 0;
  let slowest = 0;
  let slowestPacked = 0;
  // Sums over all pairs; kept out of `totals`, which is written once.
  let [cycles, packedCycles, baseCycles, scheduledPEs, packedPEs] = [0, 0, 0, 0, 0];
  let [outerLines, innerLines, allLines, occupied] = [0, 0, 0, 0];
  const beyondLast = inner.size - inner.last;
  for (let o = 0; o < outerCount; o++) {
    const outerLive = o % outer.sets === outer.sets - 1 ? outer.last : outer.size;
    const { lines, lookahead, leading, rest, end, ideal, nonzeros } = costsOf(o);
    const period = lookahead + 1;
    // Sums over the inner sets, the last of which may be narrower.
    let [own, packed, ones, ownSum, packedSum, onesSum] = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < inner.sets; i++) {
      const set = byOuter ? o : i;
      const zeros = skips[tile] + leading[set];
      own = rest[set] + ((zeros / period) | 0);
      if (carrySkip) skips[tile] = end[set] < 0 ? zeros % period : end[set];
      if (own > slowest) slowest = own;
      if (ideal[set] > slowestPacked) slowestPacked = ideal[set];
      packed = ideal[set] < own ? ideal[set] : own;
      ones = nonzeros[set];
      ownSum += own;
      packedSum += packed;
      onesSum += ones;
      tile++;
      if (tile === tiles || (i === inner.sets - 1 && (cutRows || o === outerCount - 1))) {
        cycles += slowest;
        packedCycles += slowestPacked;
        baseCycles += lines;
        tile = 0;
        slowest = 0;
        slowestPacked = 0;
      }
    }
    const live = ownSum * inner.size - own * beyondLast;
    allLines += ownSum;
    innerLines += live;
    outerLines += ownSum * outerLive;
    scheduledPEs += live * outerLive;
    packedPEs += (packedSum * inner.size - packed * beyondLast) * outerLive;
    occupied += byPair ? onesSum : byOuter ? onesSum * inner.size - ones * beyondLast : onesSum * outerLive;
  }
  totals.cycles += times * cycles;
  totals.packedCycles += times * packedCycles;
  totals.baseCycles += times * baseCycles;
  totals.scheduledPEs += times * scheduledPEs;
  totals.idlePEs += times * (allLines * outer.size * inner.size - scheduledPEs);
  totals.packedPEs += times * packedPEs;
  totals.outerLines += times * outerLines;
  totals.innerLines += times * innerLines;
  totals.occupied += times * occupied;
  totals.outputs += times * itemsOf(outer) * outer.repeat * itemsOf(inner);
}

/** Items of one round of an axis. */
function itemsOf({ sets, size, last }: SetAxis): number {
  return sets === 0 ? 0 : (sets - 1) * size + last;
}

/** Step groups of a dispatch: cycles of an array that skips nothing are step groups × lines. */
export function stepGroups(outer: SetAxis, inner: SetAxis, tiles: number, dealing: TileDispatch): number {
  const outerCount = outer.sets * outer.repeat;
  return dealing === "filters"
    ? outerCount * Math.ceil(inner.sets / tiles)
    : Math.ceil((outerCount * inner.sets) / tiles);
}
