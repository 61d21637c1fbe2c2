/**
 * What the loops of a nest move, exactly and without walking them. Axes are cut independently of each other, so that a sum
 * over all tiles is a product of sums over axes (`AxisSums`). The first innermost tile that is reached by a turn of a loop
 *
 *     that indexes a tensor  is another one, unless it needs the same elements and the loops inside have one tile only
 *     that does not          is another one, unless the loops inside that index the tensor have one tile only
 *
 * so that a tensor moves its very first tile and, loop by loop, the tiles that the turns behind the first of a loop reach.
 */

import type { Pass } from "../../operation/operation.ts";
import type { AxisSums } from "./axis-tiles.ts";
import { haloSideOf, INPUT_SIDE, type Nest, OUTPUT_SIDE, WEIGHT_SIDE } from "./loop-nest.ts";
import type { ChannelCut, SpaceCut } from "./tile-sizes.ts";

/** Along space, of each side: with halo where it has one. */
export type Spaces = readonly [AxisSums, AxisSums, AxisSums];

/** Sums along space of a cut. */
export function spacesOf({ images, rows, columns }: SpaceCut, pass: Pass): Spaces {
  const plain = spaceSums(images.own, rows.own, columns.own);
  const halo = spaceSums(images.own, rows.reached, columns.reached);
  return haloSideOf(pass) === INPUT_SIDE ? [plain, halo, plain] : [plain, plain, halo];
}

/** Along images, rows and columns together, whose loops follow one another. */
export function spaceSums(images: AxisSums, rows: AxisSums, columns: AxisSums): AxisSums {
  const product = (key: "counts" | "firsts" | "unchanged") =>
    images[key].map((sum, level) => sum * rows[key][level] * columns[key][level]);
  return {
    counts: product("counts"),
    firsts: product("firsts"),
    unchanged: product("unchanged"),
    repeated: images.unchanged.map((unchanged, level) => {
      if (level === 0) return 0;
      // At a turn of the loop over rows the one over columns, inside, begins again.
      const byRows = rows.repeated[level] * columns.unchanged[level - 1];
      return unchanged * (byRows + rows.unchanged[level] * columns.repeated[level]);
    }),
    largest: images.largest * rows.largest * columns.largest,
    last: images.last * rows.last * columns.last,
  };
}

/** Sums of a side along groups and the two dimensions that index it. */
export type IndexingSums = readonly [groups: AxisSums, one: AxisSums, two: AxisSums];

/** Sums of a side along what indexes it. */
export function indexingSums(side: number, spaces: Spaces, { groups, filters, channels }: ChannelCut): IndexingSums {
  if (side === WEIGHT_SIDE) return [groups.own, filters.own, channels.own];
  return [groups.own, spaces[side], (side === INPUT_SIDE ? channels : filters).own];
}

/** Turns of the loops over the dimension that does not index a side. */
export function turnsOf(side: number, spaces: Spaces, { filters, channels }: ChannelCut): number {
  const { counts } = side === WEIGHT_SIDE ? spaces[side] : (side === INPUT_SIDE ? filters : channels).own;
  return counts[counts.length - 1];
}

/** Tiles, level by level, along the dimension that does not index a side. */
export function outerTurnsOf(
  side: number,
  { axes: { images, rows, columns, filters, channels } }: Nest,
): readonly number[] {
  if (side === INPUT_SIDE) return filters.own.counts;
  if (side === OUTPUT_SIDE) return channels.own.counts;
  return images.own.counts.map((count, level) => count * rows.own.counts[level] * columns.own.counts[level]);
}

/** Elements of a side in the largest tile. */
export function largestTile(side: number, spaces: Spaces, { groups, filters, channels }: ChannelCut): number {
  const filter = side === INPUT_SIDE ? 1 : filters.size;
  const channel = side === OUTPUT_SIDE ? 1 : channels.size;
  return (side === WEIGHT_SIDE ? 1 : spaces[side].largest) * groups.size * filter * channel;
}

/** Elements of a side in the first tile. */
export function firstTile(side: number, spaces: Spaces, cut: ChannelCut): number {
  return indexingSums(side, spaces, cut).reduce((product, { firsts }) => product * firsts[0], 1);
}

/** Elements of a side in the last tile. */
export function lastTile(side: number, spaces: Spaces, cut: ChannelCut): number {
  return indexingSums(side, spaces, cut).reduce((product, { last }) => product * last, 1);
}

/** Of each side, the dimensions that index it. */
const INDEXED_BY = [
  [1, 2],
  [0, 2],
  [0, 1],
] as const;

/**
 * Elements of a side that come to the innermost level, those of a tile as often as the loops come to it, for each order of
 * that level: some at any rate, and some for each turn over the dimension that does not index the side (at 2i and 2i + 1).
 * @param outerOrders orders of the levels outside.
 * @param outerTurns turns over that dimension by level, without the innermost.
 */
export function movements(
  side: number,
  sums: IndexingSums,
  outerOrders: Nest["orders"],
  outerTurns: readonly number[],
  orders: Nest["orders"],
): number[] {
  const innermost = outerOrders.length + 1;
  const outer = new Inside(side, sums);
  let moved = outer.first();
  let turns = 1;
  for (let level = 1; level <= innermost; level++) {
    moved += turns * outer.turnGroups(level);
    if (level === innermost) break;
    for (const loop of outerOrders[level - 1]) {
      if (loop !== side) moved += turns * outer.turn(loop, level);
      else {
        moved += (outerTurns[level] - turns) * outer.again();
        turns = outerTurns[level];
      }
    }
  }
  const found: number[] = [];
  for (const order of orders) {
    const inside = outer.copy();
    let [fixed, perTurn] = [moved, 0];
    let isInside = false;
    for (const loop of order) {
      if (loop === side) {
        const again = inside.again();
        fixed -= turns * again;
        perTurn += again;
        isInside = true;
      } else {
        const others = inside.turn(loop, innermost);
        if (isInside) perTurn += others;
        else fixed += turns * others;
      }
    }
    found.push(fixed, perTurn);
  }
  return found;
}

/** A side inside some of the loops: the level along groups and along each of its two dimensions. */
class Inside {
  readonly #side: number;
  readonly #sums: IndexingSums;
  #group: number;
  #one: number;
  #two: number;

  constructor(side: number, sums: IndexingSums, group = 0, one = 0, two = 0) {
    this.#side = side;
    this.#sums = sums;
    this.#group = group;
    this.#one = one;
    this.#two = two;
  }

  copy(): Inside {
    return new Inside(this.#side, this.#sums, this.#group, this.#one, this.#two);
  }

  /** Elements of the first tile inside, for all turns of the loops that index the side. */
  first(): number {
    const [group, one, two] = this.#sums;
    return group.firsts[this.#group] * one.firsts[this.#one] * two.firsts[this.#two];
  }

  /** What a turn of a loop moves that does not index the side: the loops inside begin again. */
  again(): number {
    const [group, one, two] = this.#sums;
    return this.first() - group.unchanged[this.#group] * one.unchanged[this.#one] * two.unchanged[this.#two];
  }

  /** Goes into the loop over groups of a level; what its turns behind the first move. */
  turnGroups(level: number): number {
    const before = this.first();
    this.#group = level;
    return this.first() - before;
  }

  /** Goes into a loop that indexes the side; what its turns behind the first move. */
  turn(loop: number, level: number): number {
    const [group, one, two] = this.#sums;
    const before = this.first();
    let same = 0;
    if (loop === INDEXED_BY[this.#side][0]) {
      this.#one = level;
      if (one.repeated[level] > 0) same = one.repeated[level] * group.unchanged[this.#group] * two.unchanged[this.#two];
    } else {
      this.#two = level;
      if (two.repeated[level] > 0) same = two.repeated[level] * group.unchanged[this.#group] * one.unchanged[this.#one];
    }
    return this.first() - before - same;
  }
}
