/** A tensor of the blocked layout (../layout.ts), as kernels see it. */
// @unmanaged
export class TensorRecord {
  /** Address of channel 0, lane 0 of pixel (0, 0) of block 0, inside the halo. */
  origin: usize = 0;
  rowBytes: usize = 0;
  blockBytes: usize = 0;
  pixelBytes: usize = 0;
  C: i32 = 0;
  H: i32 = 0;
  W: i32 = 0;
  /** Images of a block: 4, 8, 16 or 32. */
  lanes: i32 = 0;
}

/** Many floats as rows, each contiguous; of a plain array the last row is cut off at `total`. */
// @unmanaged
export class FloatRows {
  /** Address of the first row, and bytes from row to row and from block to block. */
  origin: usize = 0;
  rowBytes: usize = 0;
  blockBytes: usize = 0;
  /** Rows of a block, and of all blocks. */
  H: i32 = 0;
  count: i32 = 0;
  /** Floats of a row and of all rows. */
  floats: i32 = 0;
  total: i32 = 0;
}
