/**
 * Tiles of one pass for each level of a memory: level by level, outermost first, those that are worth a look
 * (`tile-search.ts`) inside each of the tiles that are worth one around them. What they move is counted exactly. Which of them is best
 * depends on bandwidths and is decided by `timing.ts`.
 */
import type { ConvGeometry } from "../../../core/geometry.ts";
import type { Pass } from "../../operation/operation.ts";
import type { MemoryLevel, MemoryOperand } from "../hierarchy.ts";
import { bytesOf, elementsOf, type LevelTask, runBytes, sidesOf } from "./level-task.ts";
import { DIMENSIONS, type Nest, type Tile, wholeNest } from "./loop-nest.ts";
import { firstTile, largestTile, lastTile, spacesOf } from "./nest-sums.ts";
import { type Candidate, candidates } from "./tile-search.ts";
import { smallestCut } from "./tile-sizes.ts";

/** A pass with the bytes of its tensors. */
export interface TilingTask {
  readonly pass: Pass;
  readonly layer: string;
  readonly geometry: ConvGeometry;
  /** Stored bytes of the operands and of the finished output, in DRAM and then in each level. */
  readonly bytes: readonly Readonly<Partial<Record<MemoryOperand, number>>>[];
  /** Bytes of the output while sums are unfinished. */
  readonly partialBytes: number;
  /** Tensors that lie in the outermost level already, or stay there: they need no tile in it and no DRAM. */
  readonly resident: ReadonlySet<MemoryOperand>;
}

/** Whole bytes that enter or leave a level from or to the one outside, over the whole pass. */
export type LevelTraffic = Readonly<Partial<Record<MemoryOperand, number>>>;

/** Tiles of one level. */
export interface LevelTiling {
  readonly tile: Tile;
  readonly order: readonly (typeof DIMENSIONS)[number][];
  /** Bytes in, of operands and of partial sums under `output`. */
  readonly reads: LevelTraffic;
  /** Bytes out, of finished and partial sums. */
  readonly writes: LevelTraffic;
  /** Bytes of the first tile of each operand and of the last one of the output: what nothing hides. */
  readonly edgeBytes: LevelTraffic;
  /** Bytes of a contiguous run in DRAM of the largest tile. */
  readonly runBytes: LevelTraffic;
  /** Elements of each side that come to the level. */
  readonly moved: readonly number[];
  /** Operands whose bytes are a mean where they should be those of their own nonzeros: `withOwnNonzeros` tells. */
  readonly means: readonly MemoryOperand[];
}

/** Every way through the levels that is worth a look: one tiling a level, outermost first; none where a level is too small. */
export function tilingsOf(
  task: TilingTask,
  levels: readonly MemoryLevel[],
  tileBytes: readonly number[],
): (readonly LevelTiling[])[] {
  const nest = wholeNest(task.pass, task.geometry);
  let paths: readonly Path[] = [{ nest, from: [0, 0, 0], chosen: [] }];
  levels.forEach((level, depth) => {
    const isInnermost = depth === levels.length - 1;
    paths = paths.flatMap((path) => {
      const here = levelTask(task, level, depth, path);
      return candidates(here, level.tiling, isInnermost, tileBytes[depth]).map((candidate) => ({
        nest: nestOf(candidate, path),
        from: sidesOf(task.pass).map((name, side) => (level.holds.has(name) ? depth + 1 : path.from[side])),
        chosen: [...path.chosen, settled(candidate, here)],
      }));
    });
  });
  return paths.map(({ chosen }) => chosen);
}

/** What decides about the smallest tile of a pass. */
export type SmallestTileTask = Pick<TilingTask, "pass" | "geometry" | "partialBytes"> & {
  /** Bytes of the operands. */
  readonly operands: Readonly<Partial<Record<MemoryOperand, number>>>;
};

/** Bytes of the smallest tile that a level can be given, with unfinished sums. */
export function smallestTile({ pass, geometry, operands, partialBytes }: SmallestTileTask, level: MemoryLevel): number {
  const cut = smallestCut(wholeNest(pass, geometry).axes, level.tiling);
  const spaces = spacesOf(cut, pass);
  const elements = elementsOf(geometry);
  return sidesOf(pass).reduce((sum, name, side) => {
    const bytes = name === "output" ? partialBytes : (operands[name] ?? 0);
    return sum + (level.holds.has(name) ? (largestTile(side, spaces, cut) * bytes) / elements[side] : 0);
  }, 0);
}

/** A way through some of the levels. */
interface Path {
  readonly nest: Nest;
  /** Where each side comes from, as an index of `TilingTask.bytes`. */
  readonly from: readonly number[];
  readonly chosen: readonly LevelTiling[];
}

function levelTask(task: TilingTask, level: MemoryLevel, depth: number, { nest, from }: Path): LevelTask {
  const { pass, geometry, partialBytes, bytes, resident } = task;
  const sides = sidesOf(pass);
  return {
    ...{ pass, geometry, nest, partialBytes },
    output: sides.indexOf("output"),
    elements: elementsOf(geometry),
    held: sides.map((name) => level.holds.has(name) && !(depth === 0 && resident.has(name))),
    isFromDram: from.map((place) => place === 0),
    whole: sides.map((name, side) => bytes[from[side]][name] ?? 0),
    kept: sides.map((name) => bytes[depth + 1][name] ?? 0),
  };
}

function nestOf({ space, cut, order }: Candidate, { nest }: Path): Nest {
  return { axes: { ...space, ...cut }, orders: [...nest.orders, order] };
}

function settled({ space, cut, order, moved }: Candidate, here: LevelTask): LevelTiling {
  const { pass, held, whole, elements, output, partialBytes } = here;
  const { images, rows, columns } = space;
  const { groups, filters, channels } = cut;
  const spaces = spacesOf(space, pass);
  const byName = (bytes: (side: number) => number) =>
    Object.fromEntries(sidesOf(pass).flatMap((name, side) => (held[side] ? [[name, bytes(side)]] : [])));
  const part = (side: number, some: number) => bytesOf(some, whole[side], elements[side]);
  // Each further visit of an output reads the sums so far and writes them again.
  const again = bytesOf(moved[output] - elements[output], partialBytes, elements[output]);
  return {
    tile: {
      ...{ images: images.size, rows: rows.size, columns: columns.size },
      ...{ groups: groups.size, filters: filters.size, channels: channels.size },
    },
    order: order.map((dimension) => DIMENSIONS[dimension]),
    reads: byName((side) => (side === output ? again : part(side, moved[side]))),
    writes: byName((side) => (side === output ? whole[side] + again : 0)),
    edgeBytes: byName((side) => part(side, (side === output ? lastTile : firstTile)(side, spaces, cut))),
    runBytes: byName((side) => runBytes(here, side, space, cut)),
    moved,
    means: [],
  };
}
