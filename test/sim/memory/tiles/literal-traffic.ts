/**
 * Memory traffic as docs/memory.md says it, word by word: the loops of a fixed tiling run one turn after another, every level
 * keeps one box of each tensor, and what crosses a boundary is added up. Slow, and obviously what the document says.
 */
import { type BitMask, getBit } from "../../../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../../src/core/geometry.ts";
import type { MemoryOperand } from "../../../../src/sim/memory/hierarchy.ts";
import type { DIMENSIONS, Tile } from "../../../../src/sim/memory/tiles/loop-nest.ts";
import { OPERANDS_OF, type Operand, type Pass } from "../../../../src/sim/operation/operation.ts";

/** A level: the sizes of its tiles, the order of its loops, and what it holds. */
export interface LiteralLevel {
  readonly tile: Tile;
  readonly order: readonly (typeof DIMENSIONS)[number][];
  readonly holds: ReadonlySet<MemoryOperand>;
}

/** Elements that cross the boundary outside a level; of an output also unfinished sums. */
export interface LiteralTraffic {
  readonly reads: Partial<Record<MemoryOperand, number>>;
  /** Of the elements read, those that are not zero; of weights in their kernels. */
  readonly nonzeros: Partial<Record<MemoryOperand, number>>;
  readonly partialReads: number;
  readonly partialWrites: number;
  readonly results: number;
}

type Range = readonly [from: number, to: number];
type Axis = keyof Tile;
type Box = Readonly<Record<Axis, Range>>;

const SPACE: readonly Axis[] = ["images", "rows", "columns"];

/** What crosses the boundary of each level in a pass. */
export function literalTraffic(
  pass: Pass,
  g: ConvGeometry,
  levels: readonly LiteralLevel[],
  masks: Readonly<Record<Operand, BitMask>>,
): LiteralTraffic[] {
  const isInputGrad = pass === "inputGrad";
  const whole: Box = {
    images: [0, g.N],
    rows: [0, isInputGrad ? g.H : outputHeight(g)],
    columns: [0, isInputGrad ? g.W : outputWidth(g)],
    groups: [0, g.groups],
    filters: [0, g.K / g.groups],
    channels: [0, g.C / g.groups],
  };
  return levels.map(({ holds }, depth) => {
    const keepers = ([...OPERANDS_OF[pass], "output"] as const)
      .filter((name) => holds.has(name))
      .map((name) => (name === "output" ? new OutputKeeper(pass, g) : new OperandKeeper(name, pass, g, masks[name])));
    const visit = (box: Box, level: number): void => {
      if (level > depth) {
        for (const keeper of keepers) keeper.come(box);
        return;
      }
      const { tile, order } = levels[level];
      const axes: Axis[] = ["groups", ...order.flatMap((name) => (name === "space" ? SPACE : [name]))];
      loops(box, axes, tile, (inner) => visit(inner, level + 1));
    };
    visit(whole, 0);
    const sums = { reads: {}, nonzeros: {}, partialReads: 0, partialWrites: 0, results: 0 };
    for (const keeper of keepers) keeper.leave(sums);
    return sums;
  });
}

function loops(box: Box, [axis, ...inside]: readonly Axis[], tile: Tile, body: (box: Box) => void): void {
  if (axis === undefined) {
    body(box);
    return;
  }
  const [from, to] = box[axis];
  for (let at = from; at < to; at += tile[axis]) {
    loops({ ...box, [axis]: [at, Math.min(at + tile[axis], to)] }, inside, tile, body);
  }
}

function indices([from, to]: Range): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** The box that a level keeps of an operand. */
class OperandKeeper {
  #kept = "";
  #read = 0;
  #nonzeros = 0;

  constructor(
    readonly name: Operand,
    readonly pass: Pass,
    readonly g: ConvGeometry,
    readonly mask: BitMask,
  ) {}

  come(box: Box): void {
    const ranges = operandBox(this.name, this.pass, this.g, box);
    const size = ranges.reduce((product, [from, to]) => product * Math.max(0, to - from), 1);
    const key = size === 0 ? "nothing" : ranges.join(" ");
    if (key !== this.#kept) {
      this.#read += size;
      this.#nonzeros += this.#nonzerosIn(ranges);
    }
    this.#kept = key;
  }

  #nonzerosIn([groups, one, two, rows = [0, 1], columns = [0, 1]]: readonly Range[]): number {
    const isWeight = this.name === "weight";
    const [, , height, width] = this.mask.shape;
    const eachGroup = (this.name === "input" ? this.g.C : this.g.K) / this.g.groups;
    let nonzeros = 0;
    for (const group of indices(groups)) {
      for (const i of indices(one)) {
        for (const j of indices(two)) {
          const slice = isWeight ? group * eachGroup + i : j;
          const channel = isWeight ? j : group * eachGroup + i;
          for (const row of isWeight ? indices([0, height]) : indices(rows)) {
            for (const column of isWeight ? indices([0, width]) : indices(columns)) {
              const at = (channel * height + row) * width + column;
              if (getBit(this.mask, slice, at)) nonzeros++;
            }
          }
        }
      }
    }
    return nonzeros;
  }

  leave(sums: {
    reads: Partial<Record<MemoryOperand, number>>;
    nonzeros: Partial<Record<MemoryOperand, number>>;
  }): void {
    sums.reads[this.name] = this.#read;
    sums.nonzeros[this.name] = this.#nonzeros;
  }
}

/** The box that a level keeps of the output, and how much of the reduction of each box is done. */
class OutputKeeper {
  #kept = "";
  readonly #seen = new Map<string, { readonly size: number; done: number }>();
  readonly #moved = { partialReads: 0, partialWrites: 0, results: 0 };
  readonly #reduction: number;

  constructor(
    readonly pass: Pass,
    readonly g: ConvGeometry,
  ) {
    const rows = outputHeight(g) * outputWidth(g);
    this.#reduction = { forward: g.C / g.groups, inputGrad: g.K / g.groups, weightGrad: g.N * rows }[pass];
  }

  come(box: Box): void {
    const axes: Record<Pass, readonly Axis[]> = {
      forward: ["groups", "filters", ...SPACE],
      inputGrad: ["groups", "channels", ...SPACE],
      weightGrad: ["groups", "filters", "channels"],
    };
    const reduced: Record<Pass, readonly Axis[]> = { forward: ["channels"], inputGrad: ["filters"], weightGrad: SPACE };
    const key = axes[this.pass].map((axis) => box[axis].join("-")).join(" ");
    const lengthOf = (some: readonly Axis[]) =>
      some.reduce((product, axis) => product * (box[axis][1] - box[axis][0]), 1);
    const before = this.#seen.get(key);
    const state = before ?? { size: lengthOf(axes[this.pass]), done: 0 };
    if (key !== this.#kept) {
      this.#write();
      if (before !== undefined) this.#moved.partialReads += before.size;
    }
    state.done += lengthOf(reduced[this.pass]);
    this.#seen.set(key, state);
    this.#kept = key;
  }

  #write(): void {
    const state = this.#seen.get(this.#kept);
    if (state === undefined) return;
    if (state.done < this.#reduction) this.#moved.partialWrites += state.size;
    else this.#moved.results += state.size;
  }

  leave(sums: { partialReads: number; partialWrites: number; results: number }): void {
    this.#write();
    Object.assign(sums, this.#moved);
  }
}

/** Elements of an operand that a box of the loops needs, axis by axis. Weights count pairs of a filter and a channel. */
function operandBox(name: Operand, pass: Pass, g: ConvGeometry, box: Box): Range[] {
  const { images, rows, columns, groups, filters, channels } = box;
  if (name === "weight") return [groups, filters, channels];
  if (name === "outputGrad") {
    if (pass === "weightGrad") return [groups, filters, images, rows, columns];
    const [P, Q] = [outputHeight(g), outputWidth(g)];
    const needs = (axis: 0 | 1, output: number, kernel: number, before: number, [from, to]: Range): Range => {
      const positions = [...Array(output).keys()].filter((position) =>
        [...Array(kernel).keys()].some((tap) => {
          const at = position * g.stride[axis] - before + tap * g.dilation[axis];
          return at >= from && at < to;
        }),
      );
      return positions.length === 0 ? [0, 0] : [positions[0], (positions.at(-1) as number) + 1];
    };
    return [groups, filters, images, needs(0, P, g.R, g.padding[0], rows), needs(1, Q, g.S, g.padding[2], columns)];
  }
  const window = (axis: 0 | 1, extent: number, kernel: number, before: number, [from, to]: Range): Range => {
    const first = from * g.stride[axis] - before;
    const last = (to - 1) * g.stride[axis] - before + (kernel - 1) * g.dilation[axis];
    return [Math.max(0, first), Math.min(extent, last + 1)];
  };
  return [
    groups,
    channels,
    images,
    window(0, g.H, g.R, g.padding[0], rows),
    window(1, g.W, g.S, g.padding[2], columns),
  ];
}
