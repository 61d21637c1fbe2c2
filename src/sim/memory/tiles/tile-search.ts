/**
 * Tilings of one level that are worth a look. Those that fit are reduced to those that no other beats in traffic, in the
 * bytes of a tile (of which double buffering cannot hide the first and last), in the number of tiles, whose loops bind the
 * levels inside, and in the number of runs that DRAM moves them in. Of these, those that move more than a tenth above the
 * least are dropped, as a cycle is not worth much traffic, and at most MAX_FRONT are followed further. None of that depends on a
 * bandwidth, so that a faster memory is never slower.
 */
import type { MemoryLevel } from "../hierarchy.ts";
import { type LevelTask, runBytes, tileBytes } from "./level-task.ts";
import { DIMENSIONS, INPUT_SIDE, type Nest, OUTPUT_SIDE, WEIGHT_SIDE } from "./loop-nest.ts";
import { indexingSums, movements, outerTurnsOf, type Spaces, spacesOf, turnsOf } from "./nest-sums.ts";
import { type ChannelCut, channelCuts, type SpaceCut, spaceCuts } from "./tile-sizes.ts";

/** A tiling of a level. */
export interface Candidate {
  readonly space: SpaceCut;
  readonly cut: ChannelCut;
  readonly order: readonly number[];
  /** Elements of each side that come to the level. */
  readonly moved: readonly number[];
}

/** A candidate with what decides about it. */
interface Rated extends Candidate {
  /** Bytes in and out, from and to DRAM in whole bursts. */
  readonly traffic: number;
  /** Tiles, where levels inside have to cut each of them; else 0. */
  readonly tiles: number;
  /** Bytes of a tile of everything. */
  readonly edge: number;
  /** Contiguous runs from and to DRAM. */
  readonly runs: number;
}

/** Bytes that DRAM moves at once: a burst of common parts, two of HBM2e. */
const BURST_BYTES = 64;
/** Tilings of a level that are followed further. */
const MAX_FRONT = 6;
/** What a tiling may move beyond the least, to wait less for its first and last tiles: a cycle is not worth twice the traffic. */
const MOST_TRAFFIC = 1.1;

/** One order for each loop that may be innermost; the other two matter only where that loop has a single turn. */
const ORDERS: readonly (readonly number[])[] = [
  [0, 1, 2],
  [2, 0, 1],
  [1, 2, 0],
];

/** Tilings of a level whose tiles, once, take at most `room` bytes. */
export function candidates(
  here: LevelTask,
  fixed: MemoryLevel["tiling"],
  isInnermost: boolean,
  room: number,
): readonly Candidate[] {
  const { axes } = here.nest;
  const orders = fixed?.order === undefined ? ORDERS : [fixed.order.map((name) => DIMENSIONS.indexOf(name))];
  const cuts = channelCuts(axes, fixed);
  const rates = ratesOf(here);
  const sides = SIDES.map((side) => new SideMovements(side, here.nest, cuts, orders));
  const turns = [0, 0, 0];
  const moved = [0, 0, 0];
  const bytes = [0, 0, 0];
  let front: Rated[] = [];
  /** Beyond it a candidate is dropped in the end. */
  let most = Number.POSITIVE_INFINITY;
  for (const space of spaceCuts(axes, fixed)) {
    const spaces = spacesOf(space, here.pass);
    for (const side of sides) side.enter(spaces);
    cuts.forEach((cut, at) => {
      const edge = tileBytes(here, spaces, cut);
      if (edge > room) return;
      for (const side of SIDES) turns[side] = turnsOf(side, spaces, cut);
      const tiles = isInnermost ? 0 : groupsOf(cut) * turns[0] * turns[1] * turns[2];
      for (let order = 0; order < orders.length; order++) {
        let all = 0;
        // Sides add up; whole bursts are no less.
        for (let side = 0; side < 3 && all <= most; side++) {
          const movement = sides[side].of(at);
          moved[side] = movement[2 * order] + movement[2 * order + 1] * turns[side];
          bytes[side] = rates[side].least + rates[side].each * moved[side];
          all += bytes[side];
        }
        if (all > most) continue;
        const { traffic, runs } = inBursts(here, bytes, space, cut);
        if (traffic > most) continue;
        const rated = { space, cut, order: orders[order], moved: [...moved], traffic, tiles, edge, runs };
        if (front.some((other) => beats(other, rated))) continue;
        most = Math.min(most, MOST_TRAFFIC * traffic);
        front = front.filter((other) => other.traffic <= most && !beats(rated, other));
        front.push(rated);
      }
    });
  }
  return some(front);
}

const SIDES = [WEIGHT_SIDE, INPUT_SIDE, OUTPUT_SIDE] as const;

/** Bytes in and out of each side: `least`, and `each` for every element that comes to the level. */
function ratesOf({ held, whole, elements, output, partialBytes }: LevelTask) {
  return held.map((isHeld, side) => {
    if (!isHeld) return { least: 0, each: 0 };
    if (side !== output) return { least: 0, each: whole[side] / elements[side] };
    // Each further visit of an output reads the sums so far and writes them again.
    return { least: whole[side] - 2 * partialBytes, each: (2 * partialBytes) / elements[side] };
  });
}

/** How one side moves, worked out once for all cuts that it does not tell apart. */
class SideMovements {
  readonly #side: number;
  readonly #nest: Nest;
  readonly #outerTurns: readonly number[];
  readonly #orders: Nest["orders"];
  readonly #cuts: readonly ChannelCut[];
  /** For each cut, the first one that the side does not tell from it. */
  readonly #like: readonly number[];
  #spaces!: Spaces;
  #known: (readonly number[] | undefined)[] = [];

  constructor(side: number, nest: Nest, cuts: readonly ChannelCut[], orders: Nest["orders"]) {
    this.#side = side;
    this.#nest = nest;
    this.#orders = orders;
    this.#cuts = cuts;
    this.#outerTurns = outerTurnsOf(side, nest);
    const firsts = new Map<string, number>();
    this.#like = cuts.map(({ groups, filters, channels }, at) => {
      const key = `${groups.size} ${side === INPUT_SIDE ? 0 : filters.size} ${side === OUTPUT_SIDE ? 0 : channels.size}`;
      if (!firsts.has(key)) firsts.set(key, at);
      return firsts.get(key) as number;
    });
  }

  /** Takes another cut along space. */
  enter(spaces: Spaces): void {
    this.#spaces = spaces;
    // The weights do not see it.
    if (this.#side !== WEIGHT_SIDE) this.#known = [];
  }

  /** Movements with a cut along channels. */
  of(cut: number): readonly number[] {
    const like = this.#like[cut];
    let known = this.#known[like];
    if (known === undefined) {
      const sums = indexingSums(this.#side, this.#spaces, this.#cuts[like]);
      known = movements(this.#side, sums, this.#nest.orders, this.#outerTurns, this.#orders);
      this.#known[like] = known;
    }
    return known;
  }
}

/** Innermost tiles along groups. */
function groupsOf({ groups }: ChannelCut): number {
  return groups.own.counts[groups.own.counts.length - 1];
}

/** The same bytes from and to DRAM in whole bursts, and in how many contiguous runs of DRAM. */
function inBursts(
  here: LevelTask,
  bytes: readonly number[],
  space: SpaceCut,
  cut: ChannelCut,
): Pick<Rated, "traffic" | "runs"> {
  let [traffic, runs] = [0, 0];
  for (let side = 0; side < 3; side++) {
    const run = bytes[side] === 0 || !here.isFromDram[side] ? 0 : runBytes(here, side, space, cut);
    if (run === 0) traffic += bytes[side];
    else {
      runs += bytes[side] / run;
      traffic += (bytes[side] / run) * Math.ceil(run / BURST_BYTES) * BURST_BYTES;
    }
  }
  return { traffic, runs };
}

/** Some of a front, evenly from few and large tiles to many and small ones. */
function some(front: readonly Rated[]): readonly Rated[] {
  const sorted = [...front].sort((a, b) => a.tiles - b.tiles || b.edge - a.edge || a.traffic - b.traffic);
  const kept = Math.min(sorted.length, MAX_FRONT);
  return Array.from({ length: kept }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, kept - 1))]);
}

/** Whether a candidate is as good in everything. */
function beats(a: Rated, b: Rated): boolean {
  return a.traffic <= b.traffic && a.tiles <= b.tiles && a.edge <= b.edge && a.runs <= b.runs;
}
