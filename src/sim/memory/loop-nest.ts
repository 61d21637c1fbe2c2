/**
 * One pass as a nest of loops over tiles. All passes share three tensors and three dimensions, after Parashar et al.,
 * Timeloop, ISPASS 2019: weight (filters × channels), input side (space × channels) and output side (space × filters), where
 * space = images, rows and columns. A tensor is read again for every turn of a loop that does not index it, where a loop that
 * does is inside. Groups of a grouped convolution share nothing: a loop over them, outside of the others, indexes all tensors.
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../kernels/geometry.ts";
import type { Pass } from "../operation.ts";

/** Loops over tiles. */
export const DIMENSIONS = ["space", "filters", "channels"] as const;

/**
 * Sizes of a tile. Rows and columns are those of the tensor that has no halo: the output, or outputGrad in weightGrad. Filters
 * and channels are those of one group; a tile of several groups holds all of them.
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

/** Extents of a pass and how its kernel widens a tile of the side with the halo. */
export interface NestShape {
  readonly full: Tile;
  /** Side whose tiles overlap. */
  readonly haloSide: typeof INPUT_SIDE | typeof OUTPUT_SIDE;
  /** Rows, and columns, of the halo side that `count` of the other side need. */
  readonly haloRows: (count: number) => number;
  readonly haloColumns: (count: number) => number;
  /** Extents of the halo side. */
  readonly haloHeight: number;
  readonly haloWidth: number;
}

/** The nest of a pass. */
export function nestShape(pass: Pass, g: ConvGeometry): NestShape {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const reach = [(g.R - 1) * g.dilation[0], (g.S - 1) * g.dilation[1]];
  const isInputGrad = pass === "inputGrad";
  const [rows, columns, haloHeight, haloWidth] = isInputGrad ? [g.H, g.W, P, Q] : [P, Q, g.H, g.W];
  const widen = (axis: 0 | 1) => (count: number) =>
    isInputGrad ? Math.ceil((count + reach[axis]) / g.stride[axis]) : (count - 1) * g.stride[axis] + reach[axis] + 1;
  const some = (extent: number) => Math.max(1, extent);
  return {
    full: {
      images: some(g.N),
      rows: some(rows),
      columns: some(columns),
      groups: g.groups,
      filters: some(g.K / g.groups),
      channels: some(g.C / g.groups),
    },
    haloSide: isInputGrad ? OUTPUT_SIDE : INPUT_SIDE,
    haloRows: widen(0),
    haloColumns: widen(1),
    haloHeight: some(haloHeight),
    haloWidth: some(haloWidth),
  };
}

/** Tiles along space, and what they hold of the two tensors that space indexes. */
export interface SpaceTiling {
  readonly images: number;
  readonly rows: number;
  readonly columns: number;
  readonly trips: number;
  /** Share of the whole tensor in the largest tile. */
  readonly plainShare: number;
  readonly haloShare: number;
  /** What all tiles together read of the halo side, in units of the tensor: at least 1, overlaps counted again. */
  readonly haloSum: number;
}

/** Cuts a tile along space: first into images, then rows, then columns. */
export function spaceTiling(shape: NestShape, images: number, rows: number, columns: number, of: Tile): SpaceTiling {
  const { full, haloHeight, haloWidth } = shape;
  const imageTrips = Math.ceil(of.images / images);
  const [rowTrips, rowShare, rowSum] = cut(rows, of.rows, full.rows, haloHeight, shape.haloRows);
  const [columnTrips, columnShare, columnSum] = cut(columns, of.columns, full.columns, haloWidth, shape.haloColumns);
  const imageShare = images / full.images;
  const imagesOf = of.images / full.images;
  return {
    images,
    rows,
    columns,
    trips: imageTrips * rowTrips * columnTrips,
    plainShare: imageShare * (rows / full.rows) * (columns / full.columns),
    haloShare: imageShare * rowShare * columnShare,
    haloSum: imagesOf * rowSum * columnSum,
  };
}

/** [trips, share of the largest tile, sum of the shares] along one axis; what is not cut is read once and whole. */
function cut(
  tile: number,
  of: number,
  full: number,
  haloFull: number,
  widen: (count: number) => number,
): [number, number, number] {
  const trips = Math.ceil(of / tile);
  const share = (count: number) => (count >= full ? 1 : Math.min(1, widen(count) / haloFull));
  const largest = share(tile);
  const sum = trips === 1 ? largest : (trips - 1) * largest + share(of - (trips - 1) * tile);
  return [trips, largest, Math.max(sum, of / full)];
}
