/**
 * One pass as a nest of loops over tiles. All passes share three tensors and three dimensions, after Parashar et al.,
 * Timeloop, ISPASS 2019: weight (filters × channels), input side (space × channels) and output side (space × filters), where
 * space = images, rows and columns. A level holds one tile of each tensor and reads another one when the loops come to a tile
 * of other elements. Groups of a grouped convolution share nothing: the loop over them is the outermost of its level, and
 * indexes all tensors.
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import type { Pass } from "../../operation/operation.ts";
import { AxisTiles, type Reach } from "./axis-tiles.ts";

/** Loops over tiles. */
export const DIMENSIONS = ["space", "filters", "channels"] as const;

/**
 * Sizes of a tile. Rows and columns are those of the tensor that has no halo: the output, or outputGrad in weightGrad. Filters
 * and channels are those of one group; a tile of several groups holds as many of each.
 */
export interface Tile {
  readonly images: number;
  readonly rows: number;
  readonly columns: number;
  readonly groups: number;
  readonly filters: number;
  readonly channels: number;
}

/** The three tensors of a pass, each numbered as the one dimension that does not index it: its loop makes the tensor move again. */
export const WEIGHT_SIDE = 0;
export const INPUT_SIDE = 1;
export const OUTPUT_SIDE = 2;

/** The axes of a pass, each cut by the levels so far, and the order of the loops of each level. */
export interface Nest {
  readonly axes: Readonly<Record<keyof Tile, AxisTiles>>;
  /** Positions in DIMENSIONS, outermost first. */
  readonly orders: readonly (readonly number[])[];
}

/** The side whose tiles reach over those of the others: a kernel needs the elements around. */
export function haloSideOf(pass: Pass): typeof INPUT_SIDE | typeof OUTPUT_SIDE {
  return pass === "inputGrad" ? OUTPUT_SIDE : INPUT_SIDE;
}

/** The nest of a pass before any level cuts it. */
export function wholeNest(pass: Pass, g: ConvGeometry): Nest {
  const vertical = { image: g.H, output: outputHeight(g), kernel: g.R, stride: g.stride[0], before: g.padding[0] };
  const horizontal = { image: g.W, output: outputWidth(g), kernel: g.S, stride: g.stride[1], before: g.padding[2] };
  return {
    axes: {
      images: axis(g.N),
      rows: windowAxis(pass, { ...vertical, dilation: g.dilation[0] }),
      columns: windowAxis(pass, { ...horizontal, dilation: g.dilation[1] }),
      groups: axis(g.groups),
      filters: axis(g.K / g.groups),
      channels: axis(g.C / g.groups),
    },
    orders: [],
  };
}

/** Axes with all their cuts, which passes and layers share. */
const known = new Map<string, AxisTiles>();
const MOST_KNOWN = 128;

function shared(key: string, make: () => AxisTiles): AxisTiles {
  const tiles = known.get(key) ?? make();
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, tiles);
  return tiles;
}

function axis(extent: number): AxisTiles {
  const some = Math.max(1, extent);
  return shared(String(some), () => AxisTiles.whole(some));
}

function windowAxis(pass: Pass, window: Window): AxisTiles {
  const isInputGrad = pass === "inputGrad";
  return shared(JSON.stringify([isInputGrad, window]), () =>
    isInputGrad
      ? AxisTiles.whole(Math.max(1, window.image), outputGradReach(window))
      : AxisTiles.whole(Math.max(1, window.output), inputReach(window)),
  );
}

/** A convolution along rows or columns. */
interface Window {
  readonly image: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding above, or to the left. */
  readonly before: number;
}

/** Input that positions of the output need: from the first window's begin to the last one's end, cut to the image. */
function inputReach({ image, kernel, stride, dilation, before }: Window): Reach {
  const reach = (kernel - 1) * dilation;
  return {
    first: (from) => Math.max(0, from * stride - before),
    last: (_, to) => Math.min(image - 1, (to - 1) * stride - before + reach),
  };
}

/** Positions of outputGrad that elements of the input need: from the first to the last whose kernel falls on one of them. */
function outputGradReach({ image, output, kernel, stride, dilation, before }: Window): Reach {
  const lowest = new Int32Array(Math.max(1, image)).fill(output);
  const highest = new Int32Array(Math.max(1, image)).fill(-1);
  for (let position = 0; position < output; position++) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = position * stride - before + tap * dilation;
      if (at < 0 || at >= image) continue;
      lowest[at] = Math.min(lowest[at], position);
      highest[at] = Math.max(highest[at], position);
    }
  }
  return {
    first: (from, to) => lowest.subarray(from, to).reduce((least, position) => Math.min(least, position)),
    last: (from, to) => highest.subarray(from, to).reduce((most, position) => Math.max(most, position)),
  };
}
