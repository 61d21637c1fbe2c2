/**
 * One axis of a pass (images, rows, columns, groups, filters or channels), cut into tiles by one level after the other: each
 * tile of a level is cut by the next level inside, and the last piece is as short as what is left. What the loops over these
 * tiles move follows from a few sums over them (`AxisSums`), so that no loop has to be walked.
 */

/** The elements of another tensor that the elements `from`..`to` − 1 of an axis need: first and last, none where last < first. */
export interface Reach {
  first(from: number, to: number): number;
  last(from: number, to: number): number;
}

/**
 * Sums over the tiles of an axis by level: index 0 is the whole axis, 1 the outermost level, and so on. Sizes are those of
 * innermost tiles, in elements of the tensor that is read.
 */
export interface AxisSums {
  /** Tiles of each level. */
  readonly counts: readonly number[];
  /** Sizes of the first innermost tile in each tile of the level, added up. */
  readonly firsts: readonly number[];
  /** Of these, the ones whose first and last innermost tile need the same elements. */
  readonly unchanged: readonly number[];
  /** Of these, the ones that need the same elements as the innermost tile before them, inside one tile of the level around. */
  readonly repeated: readonly number[];
  readonly largest: number;
  readonly last: number;
}

/** Tiles of a level that are equally long. */
interface Alike {
  readonly length: number;
  readonly count: number;
}

/** Where the tiles of an axis lie. */
interface Positions {
  /** Where each innermost tile begins, and where the last one ends. */
  readonly starts: Int32Array;
  /** For each level, the innermost tile that each of its tiles begins with; behind the last, the number of innermost tiles. */
  readonly begins: readonly Int32Array[];
}

/** An axis cut by the levels so far. */
export class AxisTiles {
  /** Elements of the largest tile. */
  readonly size: number;
  /** Sums over the elements of the axis itself. */
  readonly own: AxisSums;
  /** Tiles of each level by length. */
  readonly #levels: readonly (readonly Alike[])[];
  readonly #outer: AxisTiles | undefined;
  readonly #reach: Reach | undefined;
  #cuts: Map<number, AxisTiles> | undefined;
  #reached: AxisSums | undefined;
  #positions: Positions | undefined;

  private constructor(
    size: number,
    levels: readonly (readonly Alike[])[],
    last: number,
    reach: Reach | undefined,
    outer?: AxisTiles,
  ) {
    this.size = size;
    this.own = ownSums(levels, size, last);
    this.#levels = levels;
    this.#outer = outer;
    this.#reach = reach;
  }

  /** An axis that nothing has cut; `reach` where its tiles need a window of another tensor. */
  static whole(extent: number, reach?: Reach): AxisTiles {
    return new AxisTiles(extent, [[{ length: extent, count: 1 }]], extent, reach);
  }

  /** The same axis with each tile cut into pieces of `size`, at least 1. */
  cut(size: number): AxisTiles {
    const length = Math.min(size, this.size);
    this.#cuts ??= new Map();
    let tiles = this.#cuts.get(length);
    if (tiles === undefined) {
      const levels = [...this.#levels, cutInto(this.#levels[this.#levels.length - 1], length)];
      const last = this.own.last % length || length;
      tiles = new AxisTiles(length, levels, last, this.#reach, this);
      this.#cuts.set(length, tiles);
    }
    return tiles;
  }

  /** Sums over the elements that the tiles reach in the other tensor. */
  get reached(): AxisSums {
    this.#reached ??= this.#reach === undefined ? this.own : reachedSums(this.#place(), this.#reach);
    return this.#reached;
  }

  #place(): Positions {
    this.#positions ??=
      this.#outer === undefined
        ? { starts: Int32Array.of(0, this.size), begins: [Int32Array.of(0, 1)] }
        : cutAt(this.#outer.#place(), this.size);
    return this.#positions;
  }
}

/** Tiles of one level as the next one cuts them, by length. */
function cutInto(outer: readonly Alike[], size: number): Alike[] {
  const inner: Alike[] = [];
  let whole = 0;
  for (const { length, count } of outer) {
    whole += count * Math.floor(length / size);
    if (length % size !== 0) inner.push({ length: length % size, count });
  }
  inner.push({ length: size, count: whole });
  return inner;
}

function ownSums(levels: readonly (readonly Alike[])[], size: number, last: number): AxisSums {
  const sums = { counts: [] as number[], firsts: [] as number[], unchanged: [] as number[], repeated: [] as number[] };
  for (const tiles of levels) {
    let [counted, first, unchanged] = [0, 0, 0];
    for (const { length, count } of tiles) {
      counted += count;
      first += count * Math.min(length, size);
      if (length <= size) unchanged += count * length;
    }
    sums.counts.push(counted);
    sums.firsts.push(first);
    sums.unchanged.push(unchanged);
    sums.repeated.push(0);
  }
  return { ...sums, largest: size, last };
}

function cutAt({ starts: outer, begins }: Positions, size: number): Positions {
  const starts: number[] = [];
  const at = new Int32Array(outer.length);
  for (let tile = 0; tile + 1 < outer.length; tile++) {
    at[tile] = starts.length;
    for (let start = outer[tile]; start < outer[tile + 1]; start += size) starts.push(start);
  }
  at[outer.length - 1] = starts.length;
  const innermost = new Int32Array(starts.length + 1).map((_, tile) => tile);
  starts.push(outer[outer.length - 1]);
  return {
    starts: new Int32Array(starts),
    begins: [...begins.map((level) => level.map((tile) => at[tile])), innermost],
  };
}

function reachedSums({ starts, begins }: Positions, reach: Reach): AxisSums {
  const tiles = starts.length - 1;
  const low = new Int32Array(tiles);
  const high = new Int32Array(tiles);
  let largest = 0;
  for (let tile = 0; tile < tiles; tile++) {
    const first = reach.first(starts[tile], starts[tile + 1]);
    const last = reach.last(starts[tile], starts[tile + 1]);
    // All empty tiles are alike.
    low[tile] = last < first ? 0 : first;
    high[tile] = last < first ? -1 : last;
    largest = Math.max(largest, last - first + 1);
  }
  const isSame = (a: number, b: number) => low[a] === low[b] && high[a] === high[b];
  const sizeOf = (tile: number) => high[tile] - low[tile] + 1;
  const firsts = begins.map(() => 0);
  const unchanged = begins.map(() => 0);
  const repeated = begins.map(() => 0);
  let repeatedAround = 0;
  begins.forEach((begin, level) => {
    let all = 0;
    for (let at = 0; at + 1 < begin.length; at++) {
      const tile = begin[at];
      firsts[level] += sizeOf(tile);
      if (isSame(tile, begin[at + 1] - 1)) unchanged[level] += sizeOf(tile);
      if (at > 0 && isSame(tile, tile - 1)) all += sizeOf(tile);
    }
    // A tile that begins one of the level around follows a tile of another turn of that level.
    repeated[level] = all - repeatedAround;
    repeatedAround = all;
  });
  const counts = begins.map((level) => level.length - 1);
  return { counts, firsts, unchanged, repeated, largest, last: sizeOf(tiles - 1) };
}
