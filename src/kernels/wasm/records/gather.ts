/**
 * One pass of a convolution that gathers: forward, or inputGrad seen as a convolution of outputGrad. Behind some of its
 * addresses lie tables of 32-bit words:
 *
 *   rows    for each target row      [source bytes, row phase or NO_PHASE]
 *   runs    of target columns        [target bytes, target step, count, source bytes, source step, column phase or NO_PHASE]
 *   phases  [taps, address of taps, address of panels, new pixels, address of new pixels]
 *           a tap is [kernel index, source bytes]; a new pixel the source bytes of a tap that no window before has read
 *
 * Target positions of one phase see the same taps at the same distances; forward has one phase, and inputGrad one per
 * remainder of the position by the stride. NO_PHASE has no taps.
 */
// @unmanaged
export class GatherRecord {
  /** Address of pixel (0, 0), channel 0 of block 0 of the tensor read, and bytes from block to block. */
  source: usize = 0;
  sourceBlock: usize = 0;
  /** The same of the tensor written, and bytes from row to row. */
  target: usize = 0;
  targetBlock: usize = 0;
  targetRow: usize = 0;
  rows: usize = 0;
  rowCount: usize = 0;
  runs: usize = 0;
  runCount: usize = 0;
  columnPhases: usize = 0;
  /** Channels written, over all groups. */
  channels: usize = 0;
  lanes: usize = 0;
  /** Address of [channels] floats, or 0. */
  bias: usize = 0;
  /** 0: write; 1: add. */
  accumulate: usize = 0;
  /** Address of 32 masks of the lanes in use; those of block lastBlock follow. */
  masks: usize = 0;
  lastBlock: usize = 0;
  /** Parts into which the channels of a row are split. */
  tiles: usize = 0;
  /** Sparse kernel: address of [phase][channels] addresses of lists, and one more. */
  lists: usize = 0;
  phases: usize = 0;
  /** Groups, and channels of one group that are written and read. */
  groups: usize = 0;
  groupTargets: usize = 0;
  groupSources: usize = 0;
}

/** Phase of positions that no tap reaches. */
export const NO_PHASE: usize = 0xffffffff;
/** Most images of a block: the masks of a block. */
export const MASK_LANES: usize = 32;
/** Channels of a tile of the dense kernel. With more, sums do not stay in V8's 15 registers, and the loop is a third slower. */
export const TILE_CHANNELS: usize = 4;
/** Input channels whose weights are scanned together. */
export const SCAN_CHANNELS: usize = 16;
