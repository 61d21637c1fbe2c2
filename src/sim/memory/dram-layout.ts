/**
 * How tensors lie in DRAM, and in which contiguous runs a tile goes there and back. Activations are stored as
 * [N][C / 32][H][W][32], as TensorRT's and oneDNN's blocked layouts are; weights, which only one op reads in tiles, tile by tile.
 */

/** Channels that lie together. */
export const CHANNEL_BLOCK = 32;

/** Extents of an activation, or of a tile of one. */
export interface ActivationBox {
  readonly images: number;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
}

/** Contiguous runs of a tile of an activation; where a block of channels is cut, every position begins a new one. */
export function runsOf({ images, channels, rows, columns }: ActivationBox, of: Omit<ActivationBox, "images">): number {
  const blocks = Math.ceil(channels / CHANNEL_BLOCK);
  if (channels < of.channels && channels % CHANNEL_BLOCK !== 0) return images * blocks * rows * columns;
  if (columns < of.columns) return images * blocks * rows;
  if (rows < of.rows) return images * blocks;
  return channels < of.channels ? images : 1;
}
