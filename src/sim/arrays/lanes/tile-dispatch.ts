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
  /** Whether these are the same objects for outer sets that cost the same. */
  readonly isRepeated?: boolean;
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
  const { outer, inner, costs, scheduled } = dispatch;
  const outerCount = outer.sets * outer.repeat;
  const round = new Round(dispatch);
  const repeated = scheduled === "inner" || dispatch.isRepeated === true ? new RepeatedRounds(round) : null;
  for (let o = 0; o < outerCount; o++) {
    const isLast = o === outerCount - 1;
    let sums: RoundSums = round;
    const here = typeof costs === "function" ? costs(o) : costs;
    if (repeated !== null) sums = repeated.next(here, isLast);
    else if (scheduled === "outer") round.walkAlike(here, o, isLast);
    else round.walk(here, isLast);
    const outerLive = o % outer.sets === outer.sets - 1 ? outer.last : outer.size;
    totals.cycles += times * sums.cycles;
    totals.packedCycles += times * sums.packedCycles;
    totals.baseCycles += times * sums.baseCycles;
    totals.scheduledPEs += times * sums.live * outerLive;
    totals.idlePEs += times * (sums.lines * outer.size * inner.size - sums.live * outerLive);
    totals.packedPEs += times * sums.packedLive * outerLive;
    totals.outerLines += times * sums.lines * outerLive;
    totals.innerLines += times * sums.live;
    const occupied = scheduled === "outer" ? sums.onesLive : sums.ones * (scheduled === "inner" ? outerLive : 1);
    totals.occupied += times * occupied;
  }
  totals.outputs += times * itemsOf(outer) * outer.repeat * itemsOf(inner);
}

/** Sums over the inner sets beside an outer set. */
interface RoundSums {
  /** Cycles of step groups that end in the round: as they are, packed perfectly, and without skipping. */
  readonly cycles: number;
  readonly packedCycles: number;
  readonly baseCycles: number;
  /** Cycles of all sets, and the same times the items of each. */
  readonly lines: number;
  readonly live: number;
  /** As `live`, packed perfectly. */
  readonly packedLive: number;
  /** Nonzeros of all sets, and the same times the items of each. */
  readonly ones: number;
  readonly onesLive: number;
}

/** What tiles have done of a step group, and their skip counters. */
interface TileState {
  /** The tile that takes the next set. */
  readonly tile: number;
  readonly slowest: number;
  readonly slowestPacked: number;
  readonly skips: Int32Array;
}

/** Walks the inner sets beside one outer set after the other, with the sums of the last walk. */
class Round implements RoundSums, TileState {
  cycles = 0;
  packedCycles = 0;
  baseCycles = 0;
  lines = 0;
  live = 0;
  packedLive = 0;
  ones = 0;
  onesLive = 0;
  tile = 0;
  slowest = 0;
  slowestPacked = 0;
  readonly skips: Int32Array;
  readonly #inner: SetAxis;
  readonly #cutRows: boolean;
  readonly #carrySkip: boolean;

  constructor({ inner, tiles, dealing, carrySkip }: PairDispatch) {
    this.skips = new Int32Array(tiles);
    this.#inner = inner;
    this.#cutRows = dealing === "filters";
    this.#carrySkip = carrySkip;
  }

  /** Continues from another state. */
  enter({ tile, slowest, slowestPacked, skips }: TileState): void {
    this.tile = tile;
    this.slowest = slowest;
    this.slowestPacked = slowestPacked;
    this.skips.set(skips);
  }

  /** Walks sets that cost what `costs` lists, or all what it says of set `only`. */
  walk({ lines, lookahead, leading, rest, end, ideal, nonzeros }: SetCosts, isLast: boolean, only = -1): void {
    const { skips } = this;
    const { sets } = this.#inner;
    const tiles = skips.length;
    const period = lookahead + 1;
    let { tile, slowest, slowestPacked } = this;
    let [own, packed, ones, ownSum, packedSum, onesSum] = [0, 0, 0, 0, 0, 0];
    let [cycles, packedCycles, groups] = [0, 0, 0];
    for (let i = 0; i < sets; i++) {
      const set = only < 0 ? i : only;
      const zeros = skips[tile] + leading[set];
      own = rest[set] + ((zeros / period) | 0);
      if (this.#carrySkip) skips[tile] = end[set] < 0 ? zeros % period : end[set];
      if (own > slowest) slowest = own;
      if (ideal[set] > slowestPacked) slowestPacked = ideal[set];
      packed = ideal[set] < own ? ideal[set] : own;
      ones = nonzeros[set];
      ownSum += own;
      packedSum += packed;
      onesSum += ones;
      if (++tile < tiles) continue;
      cycles += slowest;
      packedCycles += slowestPacked;
      groups++;
      tile = 0;
      slowest = 0;
      slowestPacked = 0;
    }
    this.tile = tile;
    this.slowest = slowest;
    this.slowestPacked = slowestPacked;
    this.cycles = cycles;
    this.packedCycles = packedCycles;
    this.baseCycles = groups * lines;
    this.#sum([ownSum, packedSum, onesSum], [own, packed, ones]);
    this.#end(lines, isLast);
  }

  /** Walks sets that all cost what `costs` says of set `set`: at once, unless skip counters decide about that. */
  walkAlike(costs: SetCosts, set: number, isLast: boolean): void {
    const { sets } = this.#inner;
    if (sets === 0 || (this.#carrySkip && costs.leading[set] > 0)) {
      this.walk(costs, isLast, set);
      return;
    }
    const { skips, tile } = this;
    const tiles = skips.length;
    const [ideal, end, ones] = [costs.ideal[set], costs.end[set], costs.nonzeros[set]];
    const own = costs.rest[set] + Math.floor(costs.leading[set] / (costs.lookahead + 1));
    const packed = Math.min(ideal, own);
    if (this.#carrySkip && end >= 0)
      for (let i = Math.min(sets, tiles) - 1; i >= 0; i--) skips[(tile + i) % tiles] = end;
    const groups = Math.floor((tile + sets) / tiles);
    this.tile = (tile + sets) % tiles;
    this.slowest = Math.max(this.slowest, own);
    this.slowestPacked = Math.max(this.slowestPacked, ideal);
    this.cycles = groups === 0 ? 0 : this.slowest + (groups - 1) * own;
    this.packedCycles = groups === 0 ? 0 : this.slowestPacked + (groups - 1) * ideal;
    this.baseCycles = groups * costs.lines;
    if (groups > 0) [this.slowest, this.slowestPacked] = this.tile === 0 ? [0, 0] : [own, ideal];
    this.#sum([sets * own, sets * packed, sets * ones], [own, packed, ones]);
    this.#end(costs.lines, isLast);
  }

  /** Sums over sets, the last of which, with sums of its own, may be narrower: own cycles, packed ones and nonzeros. */
  #sum(all: readonly [number, number, number], last: readonly [number, number, number]): void {
    const { size } = this.#inner;
    const missing = size - this.#inner.last;
    this.lines = all[0];
    this.live = all[0] * size - last[0] * missing;
    this.packedLive = all[1] * size - last[1] * missing;
    this.ones = all[2];
    this.onesLive = all[2] * size - last[2] * missing;
  }

  /** Ends a step group that does not go on beside the next outer set. */
  #end(lines: number, isLast: boolean): void {
    if (this.tile === 0 || !(this.#cutRows || isLast)) return;
    this.cycles += this.slowest;
    this.packedCycles += this.slowestPacked;
    this.baseCycles += lines;
    this.tile = 0;
    this.slowest = 0;
    this.slowestPacked = 0;
  }
}

/** States that are kept; rounds behind a state beyond them are walked one by one. */
const MOST_STATES = 64;

/** Rounds of the same sets, which differ only by the state that they begin in: few states, each walked once. */
class RepeatedRounds {
  readonly #round: Round;
  readonly #states: TileState[] = [];
  /** By costs, for each state the sums of its round, and the state that follows. */
  readonly #known = new Map<SetCosts, (readonly [sums: RoundSums, next: number] | undefined)[]>();
  #at: number;

  constructor(round: Round) {
    this.#round = round;
    this.#at = this.#state();
  }

  /** Sums of the next round. */
  next(costs: SetCosts, isLast: boolean): RoundSums {
    const before = this.#at;
    const ofCosts = this.#known.get(costs) ?? [];
    const known = ofCosts[before];
    if (known !== undefined && !isLast) {
      this.#at = known[1];
      return known[0];
    }
    const round = this.#round;
    if (before >= 0) round.enter(this.#states[before]);
    round.walk(costs, isLast);
    if (before < 0) return round;
    this.#at = this.#state();
    const { cycles, packedCycles, baseCycles, lines, live, packedLive, ones, onesLive } = round;
    const sums = { cycles, packedCycles, baseCycles, lines, live, packedLive, ones, onesLive };
    ofCosts[before] = [sums, this.#at];
    this.#known.set(costs, ofCosts);
    return sums;
  }

  /** Number of the state that the round is in, −1 where there are more than are kept. */
  #state(): number {
    const { tile, slowest, slowestPacked, skips } = this.#round;
    const found = this.#states.findIndex(
      (state) =>
        state.tile === tile &&
        state.slowest === slowest &&
        state.slowestPacked === slowestPacked &&
        state.skips.every((skip, at) => skip === skips[at]),
    );
    if (found >= 0 || this.#states.length === MOST_STATES) return found;
    return this.#states.push({ tile, slowest, slowestPacked, skips: skips.slice() }) - 1;
  }
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
