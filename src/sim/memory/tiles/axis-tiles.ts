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

/** Elements of an axis by how the tiles hold them. */
export interface ElementClasses {
  /** Class of each element. */
  readonly of: Int32Array;
  /** For each class, the sums of `AxisSums` with an element counted where a tile has it: tiles that hold it instead of sizes. */
  readonly sums: readonly AxisSums[];
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
  readonly #classes: [own?: ElementClasses, reached?: ElementClasses] = [];

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

  /** Elements of the axis itself, or the `extent` ones that its tiles reach into, by how often the tiles hold them. */
  classes(extent: number, isReached: boolean): ElementClasses {
    const reach = (isReached ? this.#reach : undefined) ?? ITSELF;
    const at = Number(isReached);
    this.#classes[at] ??= classesOf(this.#place(), reach, extent);
    return this.#classes[at];
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

const ITSELF: Reach = { first: (from) => from, last: (_, to) => to - 1 };

/** What each innermost tile reaches: first and last element; all empty tiles are alike. */
interface Boxes {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

function boxesOf({ starts }: Positions, reach: Reach): Boxes {
  const tiles = starts.length - 1;
  const low = new Int32Array(tiles);
  const high = new Int32Array(tiles).fill(-1);
  for (let tile = 0; tile < tiles; tile++) {
    const first = reach.first(starts[tile], starts[tile + 1]);
    const last = reach.last(starts[tile], starts[tile + 1]);
    if (last >= first) [low[tile], high[tile]] = [first, last];
  }
  return { low, high };
}

const SUMS = ["firsts", "unchanged", "repeated"] as const;

/** Visits, level by level, the innermost tiles that each of the sums counts. */
function forEachCounted(
  { begins }: Positions,
  { low, high }: Boxes,
  visit: (sum: (typeof SUMS)[number], level: number, tile: number) => void,
): void {
  const isSame = (a: number, b: number) => low[a] === low[b] && high[a] === high[b];
  begins.forEach((begin, level) => {
    const around = new Set(level === 0 ? [] : begins[level - 1]);
    for (let at = 0; at + 1 < begin.length; at++) {
      const tile = begin[at];
      visit("firsts", level, tile);
      if (isSame(tile, begin[at + 1] - 1)) visit("unchanged", level, tile);
      // A tile that begins one of the level around follows a tile of another turn of that level.
      if (at > 0 && !around.has(tile) && isSame(tile, tile - 1)) visit("repeated", level, tile);
    }
  });
}

function reachedSums(positions: Positions, reach: Reach): AxisSums {
  const boxes = boxesOf(positions, reach);
  const sizes = boxes.high.map((high, tile) => high - boxes.low[tile] + 1);
  const zeros = () => positions.begins.map(() => 0);
  const sums = { firsts: zeros(), unchanged: zeros(), repeated: zeros() };
  forEachCounted(positions, boxes, (sum, level, tile) => {
    sums[sum][level] += sizes[tile];
  });
  const counts = positions.begins.map((level) => level.length - 1);
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  return { ...sums, counts, largest, last: sizes[sizes.length - 1] };
}

function classesOf(positions: Positions, reach: Reach, extent: number): ElementClasses {
  const boxes = boxesOf(positions, reach);
  const levels = positions.begins.length;
  // For each sum and level, what begins and ends at each element, and then how many tiles hold it.
  const held = Array.from({ length: SUMS.length * levels }, () => new Int32Array(extent + 1));
  forEachCounted(positions, boxes, (sum, level, tile) => {
    const of = held[SUMS.indexOf(sum) * levels + level];
    of[boxes.low[tile]]++;
    of[boxes.high[tile] + 1]--;
  });
  for (const of of held) for (let at = 1; at < extent; at++) of[at] += of[at - 1];
  const known = new Map<string, number>();
  const sums: AxisSums[] = [];
  const of = new Int32Array(extent).map((_, at) => {
    const values = held.map((tiles) => tiles[at]);
    const key = values.join();
    const found = known.get(key) ?? known.size;
    if (found === known.size) {
      known.set(key, found);
      const [firsts, unchanged, repeated] = SUMS.map((_, sum) => values.slice(sum * levels, (sum + 1) * levels));
      const counts = positions.begins.map((level) => level.length - 1);
      sums.push({ firsts, unchanged, repeated, counts, largest: 1, last: 0 });
    }
    return found;
  });
  return { of, sums };
}
