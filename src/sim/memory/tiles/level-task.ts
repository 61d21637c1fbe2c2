/** One level of a pass, as the search for its tiles sees it, and bytes of tiles. */
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import type { Pass } from "../../operation/operation.ts";
import { runsOf } from "../dram-layout.ts";
import type { MemoryOperand } from "../hierarchy.ts";
import type { AxisTiles } from "./axis-tiles.ts";
import { haloSideOf, INPUT_SIDE, type Nest, OUTPUT_SIDE, WEIGHT_SIDE } from "./loop-nest.ts";
import { largestTile, type Spaces, turnsOf } from "./nest-sums.ts";
import type { ChannelCut, SpaceCut } from "./tile-sizes.ts";

/** What stays the same for all tilings of a level. Arrays are by side. */
export interface LevelTask {
  readonly pass: Pass;
  readonly geometry: ConvGeometry;
  /** Of the levels outside. */
  readonly nest: Nest;
  /** The side that is written, and its bytes while sums are unfinished. */
  readonly output: number;
  readonly partialBytes: number;
  readonly elements: readonly number[];
  readonly held: readonly boolean[];
  readonly isFromDram: readonly boolean[];
  /** Bytes as they come, and as they are held. */
  readonly whole: readonly number[];
  readonly kept: readonly number[];
}

/** Sides of a pass as tensors. */
export function sidesOf(pass: Pass): readonly [MemoryOperand, MemoryOperand, MemoryOperand] {
  const output = { forward: OUTPUT_SIDE, inputGrad: INPUT_SIDE, weightGrad: WEIGHT_SIDE }[pass];
  const names: [MemoryOperand, MemoryOperand, MemoryOperand] = ["weight", "input", "outputGrad"];
  names[output] = "output";
  return names;
}

/** Elements of each side. */
export function elementsOf(g: ConvGeometry): [number, number, number] {
  const some = (extent: number) => Math.max(1, extent);
  const output = some(outputHeight(g)) * some(outputWidth(g));
  // Tiles count pairs of a filter and a channel: their kernels are never cut.
  return [some((g.K * g.C) / g.groups), some(g.N * g.C * g.H * g.W), some(g.N * g.K * output)];
}

/** Bytes of some elements of a tensor: exactly, where all are as long or move equally often; else their mean, rounded up. */
export function bytesOf(some: number, whole: number, elements: number): number {
  const each = whole / elements;
  if (Number.isInteger(each)) return some * each;
  const rest = some % elements;
  return ((some - rest) / elements) * whole + Math.ceil((rest * whole) / elements);
}

/** Bytes of a tile of everything that a level holds, with sums where these are unfinished. */
export function tileBytes(
  { held, kept, elements, output, partialBytes }: LevelTask,
  spaces: Spaces,
  cut: ChannelCut,
): number {
  const isSplit = turnsOf(output, spaces, cut) > 1;
  let bytes = 0;
  for (let side = 0; side < 3; side++) {
    if (!held[side]) continue;
    const all = side === output && isSplit ? partialBytes : kept[side];
    bytes += (largestTile(side, spaces, cut) * all) / elements[side];
  }
  return bytes;
}

/** Bytes of a contiguous run in DRAM of the largest tile of a side. */
export function runBytes(
  { pass, geometry: g, whole, elements }: LevelTask,
  side: number,
  space: SpaceCut,
  cut: ChannelCut,
): number {
  const { groups, filters, channels } = cut;
  if (side === WEIGHT_SIDE) return (groups.size * filters.size * channels.size * whole[side]) / elements[side];
  const along = (axis: AxisTiles) => (side === haloSideOf(pass) ? axis.reached : axis.own).largest;
  const tile = {
    images: space.images.size,
    channels: groups.size * (side === INPUT_SIDE ? channels : filters).size,
    rows: along(space.rows),
    columns: along(space.columns),
  };
  const of =
    side === INPUT_SIDE
      ? { channels: g.C, rows: g.H, columns: g.W }
      : { channels: g.K, rows: outputHeight(g), columns: outputWidth(g) };
  const bytes = (tile.images * tile.channels * tile.rows * tile.columns * whole[side]) / elements[side];
  return bytes / runsOf(tile, of);
}
