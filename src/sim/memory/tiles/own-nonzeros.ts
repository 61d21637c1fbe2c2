/**
 * What a bitmap moves where some of its elements move more often than others, in halos and ragged tiles: each tile its own
 * nonzeros, and its share of the index. How often an element moves depends on its place along each axis only, and few places
 * differ, so that nonzeros are counted once by class of place and each class is multiplied by what `movements` says of one
 * element of it. Other formats are left at their mean.
 */
import { type BitMask, forEachOne } from "../../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../../core/geometry.ts";
import { SHAPE_OF } from "../../../core/passes.ts";
import type { Operand } from "../../operation/operation.ts";
import type { MemoryNumbers, MemoryOperand } from "../hierarchy.ts";
import type { AxisSums, AxisTiles, ElementClasses } from "./axis-tiles.ts";
import { bytesOf, elementsOf, sidesOf } from "./level-task.ts";
import { DIMENSIONS, haloSideOf, INPUT_SIDE, type Nest, WEIGHT_SIDE, wholeNest } from "./loop-nest.ts";
import { type IndexingSums, movements, outerTurnsOf, spaceSums, spacesOf, turnsOf } from "./nest-sums.ts";
import type { LevelTiling, LevelTraffic, TilingTask } from "./tiling.ts";

/** A pass with the masks of its operands. */
export interface MaskedTask extends TilingTask {
  /** Masks of the operands that DRAM, and then each level, stores as bitmaps; none where nothing is compressed. */
  readonly bitmaps?: readonly Readonly<Partial<Record<MemoryOperand, BitMask>>>[];
}

/** The same tilings with the bytes of their own nonzeros where these are known, and `means` where a mean is left. */
export function withOwnNonzeros(
  task: MaskedTask,
  { levels, valueBytes }: Pick<MemoryNumbers, "levels" | "valueBytes">,
  tilings: readonly LevelTiling[],
): readonly LevelTiling[] {
  const sides = sidesOf(task.pass);
  let outer = wholeNest(task.pass, task.geometry);
  let from = [0, 0, 0];
  return tilings.map((tiling, depth) => {
    const nest = cutBy(tiling, outer);
    const means: MemoryOperand[] = [];
    const own: Partial<Record<MemoryOperand, number>> = {};
    sides.forEach((name, side) => {
      const stored = { bytes: task.bytes[from[side]][name] as number, mask: task.bitmaps?.[from[side]][name] };
      const isCompressed = name !== "output" && stored.bytes !== denseBytes(task, name, valueBytes);
      if (!(name in tiling.edgeBytes) || !isCompressed) return;
      const classes = new SideClasses(side, task, nest);
      const often = classes.often(outer, tiling.order);
      if (often.every((times) => times === often[0])) return;
      if (stored.mask === undefined) means.push(name);
      else {
        const nonzeros = classes.count(stored.mask);
        const index = stored.bytes - valueBytes * nonzeros.reduce((sum, count) => sum + count, 0);
        own[name] =
          valueBytes * nonzeros.reduce((sum, count, at) => sum + count * often[at], 0) +
          bytesOf(tiling.moved[side], index, elementsOf(task.geometry)[side]);
      }
    });
    outer = nest;
    from = sides.map((name, side) => (levels[depth].holds.has(name) ? depth + 1 : from[side]));
    return { ...tiling, means, reads: { ...tiling.reads, ...own }, edgeBytes: atMost(tiling.edgeBytes, own) };
  });
}

/** Bytes of first tiles, which are a mean, but no more than all that is read. */
function atMost(edgeBytes: LevelTraffic, own: LevelTraffic): LevelTraffic {
  const entries = Object.entries(edgeBytes) as [MemoryOperand, number][];
  return Object.fromEntries(entries.map(([name, bytes]) => [name, Math.min(bytes, own[name] ?? bytes)]));
}

function denseBytes({ geometry }: MaskedTask, name: Operand, valueBytes: number): number {
  return sizeOf(SHAPE_OF[name](geometry)) * valueBytes;
}

function cutBy({ tile, order }: LevelTiling, { axes, orders }: Nest): Nest {
  const cut = (name: keyof Nest["axes"]) => axes[name].cut(tile[name]);
  return {
    axes: {
      ...{ images: cut("images"), rows: cut("rows"), columns: cut("columns") },
      ...{ groups: cut("groups"), filters: cut("filters"), channels: cut("channels") },
    },
    orders: [...orders, order.map((name) => DIMENSIONS.indexOf(name))],
  };
}

/** The elements of a side by class of place, in the order of its mask. */
class SideClasses {
  readonly #side: number;
  readonly #pass: TilingTask["pass"];
  readonly #nest: Nest;
  /** Outermost first; a class of everything is a product of one of each. */
  readonly #axes: readonly ElementClasses[];

  /** @param nest with the cuts of the level that the side comes to. */
  constructor(side: number, { pass, geometry: g }: TilingTask, nest: Nest) {
    this.#side = side;
    this.#pass = pass;
    this.#nest = nest;
    const { images, rows, columns, groups, filters, channels } = nest.axes;
    const own = (axis: AxisTiles, extent: number) => axis.classes(extent, false);
    const along = (axis: AxisTiles, extent: number) => axis.classes(extent, side === haloSideOf(pass));
    const [each, other] = [own(filters, g.K / g.groups), own(channels, g.C / g.groups)];
    const [height, width] = side === INPUT_SIDE ? [g.H, g.W] : [outputHeight(g), outputWidth(g)];
    this.#axes =
      side === WEIGHT_SIDE
        ? [own(groups, g.groups), each, other, kernelOf(g)]
        : [
            ...[own(images, g.N), own(groups, g.groups), side === INPUT_SIDE ? other : each],
            ...[along(rows, height), along(columns, width)],
          ];
  }

  /** How often an element of each class comes to the innermost level, whose loops have an order inside those of `outer`. */
  often(outer: Nest, order: LevelTiling["order"]): number[] {
    const { axes } = this.#nest;
    const orders = [order.map((name) => DIMENSIONS.indexOf(name))];
    const turns = turnsOf(this.#side, spacesOf(axes, this.#pass), axes);
    const outerTurns = outerTurnsOf(this.#side, outer);
    let classes: AxisSums[][] = [[]];
    for (const { sums } of this.#axes) classes = classes.flatMap((some) => sums.map((sum) => [...some, sum]));
    return classes.map((some) => {
      const [first, group, one, rows, columns] = some;
      const sums: IndexingSums =
        this.#side === WEIGHT_SIDE ? [first, group, one] : [group, spaceSums(first, rows, columns), one];
      const [fixed, perTurn] = movements(this.#side, sums, outer.orders, outerTurns, orders);
      return fixed + perTurn * turns;
    });
  }

  /** Nonzeros of each class. */
  count(mask: BitMask): Float64Array {
    const last = this.#axes[this.#axes.length - 1];
    let lines: Int32Array = new Int32Array(1);
    let classes = last.sums.length;
    for (const { of, sums } of this.#axes.slice(0, -1)) {
      const outer = lines;
      lines = new Int32Array(outer.length * of.length);
      classes *= sums.length;
      for (let at = 0; at < lines.length; at++) {
        lines[at] = outer[Math.floor(at / of.length)] * sums.length + of[at % of.length];
      }
    }
    const counts = new Float64Array(classes);
    const width = last.of.length;
    forEachOne(mask, (position) => {
      const line = Math.floor(position / width);
      counts[lines[line] * last.sums.length + last.of[position - line * width]]++;
    });
    return counts;
  }
}

/** Kernels are never cut. */
function kernelOf({ R, S }: ConvGeometry): ElementClasses {
  return {
    of: new Int32Array(R * S),
    sums: [{ counts: [], firsts: [], unchanged: [], repeated: [], largest: 1, last: 1 }],
  };
}
