/**
 * How tensors lie in DRAM, and in which contiguous runs a tile goes there and back. Activations are stored as
 * [N][C / 32][H][W][32], as TensorRT's and oneDNN's blocked layouts are; weights, which only one op reads in tiles, tile by tile.
 */
import type { ConvGeometry } from "../../kernels/geometry.ts";
import { INPUT_SIDE, type NestShape, type Tile, WEIGHT_SIDE } from "./loop-nest.ts";

/** Channels that lie together. */
export const CHANNEL_BLOCK = 32;

/** Contiguous runs of a tile; where a block of channels is cut, every position begins a new one. */
export function runsOf(side: number, tile: Tile, g: ConvGeometry, shape: NestShape): number {
  if (side === WEIGHT_SIDE) return 1;
  const { full, haloSide, haloHeight, haloWidth, haloRows, haloColumns } = shape;
  const [ofGroup, all] = side === INPUT_SIDE ? [tile.channels, g.C] : [tile.filters, g.K];
  const [height, width] = side === haloSide ? [haloHeight, haloWidth] : [full.rows, full.columns];
  const rows = side === haloSide ? Math.min(haloRows(tile.rows), height) : tile.rows;
  const columns = side === haloSide ? Math.min(haloColumns(tile.columns), width) : tile.columns;
  const channels = tile.groups * ofGroup;
  const blocks = Math.ceil(channels / CHANNEL_BLOCK);
  if (channels < all && channels % CHANNEL_BLOCK !== 0) return tile.images * blocks * rows * columns;
  if (columns < width) return tile.images * blocks * rows;
  if (rows < height) return tile.images * blocks;
  return channels < all ? tile.images : 1;
}
