/**
 * Tiles of one pass for each level of a memory. For every level the tilings that fit are reduced to those that no other beats
 * in traffic, in the bytes of a tile (of which double buffering cannot hide the first and last), in the number of tiles, whose
 * loops bind the levels inside, and in the number of runs that DRAM moves them in. Of these, those that move more than a tenth
 * above the least are dropped, as a cycle is not worth much traffic, and at most MAX_FRONT are followed further. Which of them is
 * best depends on bandwidths and is decided by `feed.ts`; what it chooses from does not, so that a faster memory is never slower.
 */
import type { ConvGeometry } from "../../kernels/geometry.ts";
import type { Pass } from "../operation.ts";
import { CHANNEL_BLOCK, runsOf } from "./dram-layout.ts";
import type { Held, MemoryLevel } from "./hierarchy.ts";
import {
  DIMENSIONS,
  INPUT_SIDE,
  type NestShape,
  nestShape,
  OUTPUT_SIDE,
  type SpaceTiling,
  spaceTiling,
  type Tile,
  WEIGHT_SIDE,
} from "./loop-nest.ts";

/** A pass with the bytes of its tensors. */
export interface TilingTask {
  readonly pass: Pass;
  readonly layer: string;
  readonly geometry: ConvGeometry;
  /** Stored bytes of the operands and of the finished output, in DRAM and then in each level. */
  readonly bytes: readonly Readonly<Partial<Record<Held, number>>>[];
  /** Bytes of the output while sums are unfinished. */
  readonly partialBytes: number;
  /** Tensors that lie in the outermost level already, or stay there: they need no tile in it and no DRAM. */
  readonly resident: ReadonlySet<Held>;
}

/** Bytes that enter or leave a level from or to the one outside, over the whole pass. */
export type LevelTraffic = Readonly<Partial<Record<Held, number>>>;

/** Tiles of one level. */
export interface LevelTiling {
  readonly tile: Tile;
  readonly order: readonly (typeof DIMENSIONS)[number][];
  /** Bytes in, of operands and of partial sums under `output`. */
  readonly reads: LevelTraffic;
  /** Bytes out, of finished and partial sums. */
  readonly writes: LevelTraffic;
  /** Bytes of one tile: the first of an operand and the last of the output are what nothing hides. */
  readonly tileBytes: LevelTraffic;
}

/** Where a tensor stands after the loops of the outer levels. */
interface Outer {
  readonly tile: Tile;
  /** Where each side comes from, as an index of `TilingTask.bytes`. */
  readonly from: readonly number[];
  /** Turns of the loops that do not index each side: all of them, and those that count if nothing inside indexes it. */
  readonly turns: readonly [number, number, number];
  readonly counted: readonly [number, number, number];
}

/** Bytes that DRAM moves at once: a burst of common parts, two of HBM2e. */
const BURST_BYTES = 64;
/** Tilings of a level that are followed further. */
const MAX_FRONT = 6;
/** What a tiling may move beyond the least, to wait less for its first and last tiles: a cycle is not worth twice the traffic. */
const MOST_TRAFFIC = 1.1;

/** Sides of a pass as tensors. */
export function sidesOf(pass: Pass): readonly [Held, Held, Held] {
  const output = { forward: OUTPUT_SIDE, inputGrad: INPUT_SIDE, weightGrad: WEIGHT_SIDE }[pass];
  const names: [Held, Held, Held] = ["weight", "input", "outputGrad"];
  names[output] = "output";
  return names;
}

/** Every way through the levels that is worth a look: one tiling a level, outermost first; none where a level is too small. */
export function tilingsOf(
  task: TilingTask,
  levels: readonly MemoryLevel[],
  tileBytes: readonly number[],
): LevelTiling[][] {
  const shape = nestShape(task.pass, task.geometry);
  let paths: { readonly outer: Outer; readonly chosen: LevelTiling[] }[] = [
    { outer: { tile: shape.full, from: [0, 0, 0], turns: [1, 1, 1], counted: [1, 1, 1] }, chosen: [] },
  ];
  levels.forEach((level, depth) => {
    paths = paths.flatMap(({ outer, chosen }) =>
      frontOf(task, shape, level, depth, depth === levels.length - 1, tileBytes[depth], outer).map((next) => ({
        outer: next.outer,
        chosen: [...chosen, next.tiling],
      })),
    );
  });
  return paths.map(({ chosen }) => chosen);
}

/** What decides about the smallest tile of a pass. */
export type SmallestTileTask = Pick<TilingTask, "pass" | "geometry" | "partialBytes"> & {
  /** Bytes of the operands. */
  readonly operands: Readonly<Partial<Record<Held, number>>>;
};

/** Bytes of the smallest tile that a level can be given, with unfinished sums. */
export function smallestTile({ pass, geometry, operands, partialBytes }: SmallestTileTask, level: MemoryLevel): number {
  const shape = nestShape(pass, geometry);
  const space = [...spacesOf(shape, shape.full, level.tiling)].at(-1) as SpaceTiling;
  const cut = [...cutsOf(shape.full, level.tiling)].at(-1) as Cut;
  const shares = sharesOf(shape, space, cut);
  return sidesOf(pass).reduce((sum, name, side) => {
    const bytes = name === "output" ? partialBytes : (operands[name] ?? 0);
    return sum + (level.holds.has(name) ? shares[side] * bytes : 0);
  }, 0);
}

/** One level of a task, with what stays the same for all its tilings. */
interface LevelTask {
  readonly held: readonly boolean[];
  /** Bytes of each side as they come, and as they are held. */
  readonly whole: readonly number[];
  readonly kept: readonly number[];
  readonly from: readonly number[];
  readonly partial: number;
  readonly output: number;
  readonly haloSide: number;
  /** Share of the whole tensor that a tile of the outer level spans along space, without halo. */
  readonly haloUnit: number;
  readonly outer: Outer;
}

/** How a tile is cut along groups, filters and channels. */
type Cut = Pick<Tile, "groups" | "filters" | "channels">;

interface Candidate {
  readonly space: SpaceTiling;
  readonly cut: Cut;
  readonly order: readonly number[];
  /** Bytes in and out, from and to DRAM in whole bursts. */
  readonly traffic: number;
  /** Tiles, where levels inside have to cut each of them; else 0. */
  readonly turns: number;
  /** Bytes of a tile of everything. */
  readonly edge: number;
  /** Contiguous runs from and to DRAM. */
  readonly runs: number;
}

function frontOf(
  task: TilingTask,
  shape: NestShape,
  level: MemoryLevel,
  depth: number,
  isInnermost: boolean,
  room: number,
  outer: Outer,
): { readonly tiling: LevelTiling; readonly outer: Outer }[] {
  const sides = sidesOf(task.pass);
  const output = sides.indexOf("output");
  const held = sides.map((name) => level.holds.has(name) && !(depth === 0 && task.resident.has(name)));
  const whole = sides.map((name, side) => task.bytes[outer.from[side]][name] ?? 0);
  const kept = sides.map((name) => task.bytes[depth + 1][name] ?? 0);
  const from = sides.map((name, side) => (level.holds.has(name) ? depth + 1 : outer.from[side]));
  const haloUnit = plainShare(shape, outer.tile);
  const here = {
    held,
    whole,
    kept,
    from,
    partial: task.partialBytes,
    output,
    haloSide: shape.haloSide,
    haloUnit,
    outer,
  };
  const { tiling: fixed } = level;
  const orders = fixed.order === undefined ? ORDERS : [fixed.order.map((name) => DIMENSIONS.indexOf(name))];
  const cuts = [...cutsOf(outer.tile, fixed)];
  let front: Candidate[] = [];
  /** Beyond it a candidate is dropped in the end. */
  let most = Number.POSITIVE_INFINITY;
  for (const space of spacesOf(shape, outer.tile, fixed)) {
    for (const cut of cuts) {
      const shares = sharesOf(shape, space, cut);
      const trips = tripsOf(space, cut, outer.tile);
      const isSplit = trips.byDimension[output] > 1 || outer.turns[output] > 1;
      let edge = 0;
      for (let side = 0; side < 3; side++) {
        if (held[side]) edge += shares[side] * (side === output && isSplit ? task.partialBytes : kept[side]);
      }
      if (edge > room) continue;
      const [a, b, c] = trips.byDimension;
      const turns = isInnermost ? 0 : trips.groups * a * b * c;
      for (const order of orders) {
        count(here, space, trips, order);
        let bytes = 0;
        for (let side = 0; side < 3; side++) bytes += moved.reads[side] + moved.writes[side];
        // Whole bursts are no less.
        if (bytes > most) continue;
        const { traffic, runs } = inBursts(here, task.geometry, shape, space, cut, shares);
        if (traffic > most) continue;
        const candidate = { space, cut, order, traffic, turns, edge, runs };
        if (front.some((other) => beats(other, candidate))) continue;
        most = Math.min(most, MOST_TRAFFIC * traffic);
        front = front.filter((other) => other.traffic <= most && !beats(candidate, other));
        front.push(candidate);
      }
    }
  }
  return some(front).map((candidate) => settled(candidate, here, sides, shape));
}

function settled({ space, cut, order }: Candidate, here: LevelTask, sides: readonly Held[], shape: NestShape) {
  const { held, whole, from, outer } = here;
  count(here, space, tripsOf(space, cut, outer.tile), order);
  const byName = (bytes: ArrayLike<number>) =>
    Object.fromEntries(sides.flatMap((name, side) => (held[side] ? [[name, Math.ceil(bytes[side])]] : [])));
  const tileBytes = sharesOf(shape, space, cut).map((share, side) => share * whole[side]);
  const tile = tileOf(space, cut);
  return {
    tiling: {
      tile,
      order: order.map((dimension) => DIMENSIONS[dimension]),
      reads: byName(moved.reads),
      writes: byName(moved.writes),
      tileBytes: byName(tileBytes),
    },
    outer: { tile, from, turns: triple(moved.turns), counted: triple(moved.counted) },
  };
}

/** One order for each loop that may be innermost; the other two matter only where that loop has a single turn. */
const ORDERS: readonly (readonly number[])[] = [
  [0, 1, 2],
  [2, 0, 1],
  [1, 2, 0],
];

/** What `moved` holds, from and to DRAM in whole bursts, and in how many contiguous runs of DRAM. */
function inBursts(
  { outer, whole }: LevelTask,
  geometry: ConvGeometry,
  shape: NestShape,
  space: SpaceTiling,
  cut: Cut,
  shares: readonly number[],
): { readonly traffic: number; readonly runs: number } {
  let [traffic, runs] = [0, 0];
  const tile = tileOf(space, cut);
  for (let side = 0; side < 3; side++) {
    const bytes = moved.reads[side] + moved.writes[side];
    const run =
      bytes === 0 || outer.from[side] !== 0 ? 0 : (shares[side] * whole[side]) / runsOf(side, tile, geometry, shape);
    if (run === 0) traffic += bytes;
    else {
      runs += bytes / run;
      traffic += (bytes / run) * Math.ceil(run / BURST_BYTES) * BURST_BYTES;
    }
  }
  return { traffic, runs };
}

/** Some of a front, evenly from few and large tiles to many and small ones. */
function some(front: readonly Candidate[]): readonly Candidate[] {
  const sorted = [...front].sort((a, b) => a.turns - b.turns || b.edge - a.edge || a.traffic - b.traffic);
  const kept = Math.min(sorted.length, MAX_FRONT);
  return Array.from({ length: kept }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, kept - 1))]);
}

/** Whether a candidate is as good in everything. */
function beats(a: Candidate, b: Candidate): boolean {
  return a.traffic <= b.traffic && a.turns <= b.turns && a.edge <= b.edge && a.runs <= b.runs;
}

function tileOf({ images, rows, columns }: SpaceTiling, { groups, filters, channels }: Cut): Tile {
  return { images, rows, columns, groups, filters, channels };
}

/** What `count` found: bytes in and out of a level by side, turns of the free loop so far, and those that count. */
const moved = {
  reads: new Float64Array(3),
  writes: new Float64Array(3),
  turns: new Float64Array(3),
  counted: new Float64Array(3),
};

/** Fills `moved`. */
function count(level: LevelTask, space: SpaceTiling, trips: Trips, order: readonly number[]): void {
  const { held, whole, partial, output, haloSide, haloUnit, outer } = level;
  const { byDimension } = trips;
  for (let side = 0; side < 3; side++) {
    let isIndexedInside = false;
    let isIndexed = false;
    for (let at = 2; at >= 0; at--) {
      if (order[at] === side) isIndexedInside = isIndexed;
      else isIndexed ||= byDimension[order[at]] > 1;
    }
    isIndexed ||= trips.groups > 1;
    const turns = byDimension[side];
    moved.turns[side] = outer.turns[side] * turns;
    const visits = (isIndexed ? outer.turns[side] : outer.counted[side]) * (isIndexedInside ? turns : 1);
    moved.counted[side] = visits;
    const sweeps = side === haloSide ? Math.max(visits, (visits * space.haloSum) / haloUnit) : visits;
    // Each further visit of an output reads the sums so far and writes them again.
    const again = side === output ? (sweeps - 1) * partial : 0;
    moved.reads[side] = held[side] ? (side === output ? again : whole[side] * sweeps) : 0;
    moved.writes[side] = held[side] && side === output ? whole[side] + again : 0;
  }
}

/** Turns of the loop over groups, and of the others in the order of DIMENSIONS. */
interface Trips {
  readonly groups: number;
  readonly byDimension: readonly [number, number, number];
}

function tripsOf(space: SpaceTiling, { groups, filters, channels }: Cut, of: Tile): Trips {
  return {
    groups: Math.ceil(of.groups / groups),
    byDimension: [space.trips, Math.ceil(of.filters / filters), Math.ceil(of.channels / channels)],
  };
}

/** Share of each side's tensor in a tile. */
function sharesOf(
  { full, haloSide }: NestShape,
  { haloShare, plainShare }: SpaceTiling,
  { groups, filters, channels }: Cut,
): readonly [number, number, number] {
  const g = groups / full.groups;
  const f = filters / full.filters;
  const c = channels / full.channels;
  const [input, output] = haloSide === INPUT_SIDE ? [haloShare, plainShare] : [plainShare, haloShare];
  return [g * f * c, g * input * c, g * output * f];
}

function plainShare({ full }: NestShape, tile: Tile): number {
  return (tile.images / full.images) * (tile.rows / full.rows) * (tile.columns / full.columns);
}

/** Cuts along space, the smallest last: into images, then rows, then columns. */
function* spacesOf(shape: NestShape, of: Tile, fixed: Partial<Tile>): Generator<SpaceTiling> {
  const { images, rows, columns } = fixed;
  if (images !== undefined || rows !== undefined || columns !== undefined) {
    const size = (wanted: number | undefined, all: number) => Math.min(wanted ?? all, all);
    yield spaceTiling(shape, size(images, of.images), size(rows, of.rows), size(columns, of.columns), of);
    return;
  }
  for (const count of halves(of.images)) yield spaceTiling(shape, count, of.rows, of.columns, of);
  for (const count of halves(of.rows).slice(1)) yield spaceTiling(shape, 1, count, of.columns, of);
  for (const count of halves(of.columns).slice(1)) yield spaceTiling(shape, 1, 1, count, of);
}

/** Cuts along groups or, within one of them, along filters and channels, the smallest last. */
function* cutsOf(of: Tile, fixed: Partial<Tile>): Generator<Cut> {
  for (const filters of sizesOf(of.filters, fixed.filters)) {
    for (const channels of sizesOf(of.channels, fixed.channels)) {
      const isWhole = filters === of.filters && channels === of.channels;
      for (const groups of isWhole ? halves(of.groups) : [1]) yield { groups, filters, channels };
    }
  }
}

function sizesOf(all: number, fixed: number | undefined): readonly number[] {
  return fixed === undefined ? halves(all, CHANNEL_BLOCK) : [Math.min(fixed, all)];
}

/** n, n/2, n/4 … 1, rounded up, and up to whole blocks where that is less than the size before. */
function halves(n: number, block = 1): number[] {
  const sizes = [Math.max(1, n)];
  for (let [size] = sizes; size > 1; sizes.push(size)) {
    const inBlocks = Math.ceil(size / 2 / block) * block;
    size = inBlocks < size ? inBlocks : Math.ceil(size / 2);
  }
  return sizes;
}

function triple([a, b, c]: Float64Array): [number, number, number] {
  return [a, b, c];
}
