/** The weight gradient of a convolution: outputGrad transposed to panels, and what is summed over them. */

/** Output channels of a panel. */
export const PANEL_CHANNELS: usize = 16;
/** Bytes of the sums of a tap, or of a position of a panel: PANEL_CHANNELS floats. */
export const SUM_BYTES: usize = 64;
/** A tap of a phase: [byte distance into the panel, index in R·S]. A pixel of a chunk: [bytes from source, bytes into a panel]. */
export const PAIR_BYTES: usize = 8;

/** outputGrad as weightGrad reads it: [panel][block][row][column][lane][PANEL_CHANNELS], with a halo of zeros that taps reach into. */
// @unmanaged
export class PanelsRecord {
  address: usize = 0;
  /** Rows above and columns left of outputGrad. */
  top: usize = 0;
  left: usize = 0;
  /** With the halo. */
  rows: usize = 0;
  columns: usize = 0;
  /** Blocks in use, and those there is room for. */
  blocks: usize = 0;
  maxBlocks: usize = 0;
}

/** One weight gradient. */
// @unmanaged
export class WeightGradRecord {
  /** Address of pixel (0, 0), channel 0 of block 0 of the input, and bytes from block to block. */
  source: usize = 0;
  sourceBlock: usize = 0;
  lanes: usize = 0;
  /** Blocks in use. */
  blocks: usize = 0;
  groups: usize = 0;
  groupChannels: usize = 0;
  groupFilters: usize = 0;
  /** R·S. */
  taps: usize = 0;
  /** Panels of outputGrad, and bytes from panel to panel, block to block, row to row and column to column. */
  grad: usize = 0;
  gradPanel: usize = 0;
  gradBlock: usize = 0;
  gradRow: usize = 0;
  gradColumn: usize = 0;
  /** Most panels that the filters of one group lie in, and the parts they are split into. */
  groupPanels: usize = 0;
  parts: usize = 0;
  /** Address of sums [panel of the group][C][R·S][PANEL_CHANNELS]. */
  sums: usize = 0;
  /** Work space of a unit: pixels of the chunk, then the list of a channel. */
  pixels: usize = 0;
  pairs: usize = 0;
  chunkPixels: usize = 0;
  /** Address of [K, C/groups, R·S]. */
  result: usize = 0;
  /** Addresses of the phases, PhaseRecord after PhaseRecord. */
  phases: usize = 0;
  phasesEnd: usize = 0;
}

/** Input pixels that share a set of taps. */
// @unmanaged
export class PhaseRecord {
  rows: usize = 0;
  columns: usize = 0;
  /** Bytes from the source of a block to the first pixel, from row to row and from column to column. */
  source: usize = 0;
  sourceRow: usize = 0;
  sourceColumn: usize = 0;
  /** Bytes from a panel to the position of the first pixel at the tap with distance 0. */
  grad: usize = 0;
  /** Addresses of the first tap and behind the last. */
  taps: usize = 0;
  tapsEnd: usize = 0;
}
