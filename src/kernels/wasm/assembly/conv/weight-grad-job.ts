/**
 * The job record of weightGrad: 32-bit words that the host fills in (../../conv/weight-grad.ts writes the same order), and
 * the address of a table of phases. Each constant is the byte offset of a word.
 */

export const SOURCE: usize = 0;
export const SOURCE_BLOCK: usize = 4;
export const LANES: usize = 8;
/** Blocks in use. */
export const BLOCKS: usize = 12;
export const GROUPS: usize = 16;
export const GROUP_CHANNELS: usize = 20;
export const GROUP_FILTERS: usize = 24;
/** R·S. */
export const TAPS: usize = 28;
/** Transposed outputGrad, and its bytes from panel to panel, block to block, row to row and column to column. */
export const GRAD: usize = 32;
export const GRAD_PANEL: usize = 36;
export const GRAD_BLOCK: usize = 40;
export const GRAD_ROW: usize = 44;
export const GRAD_COLUMN: usize = 48;
/** Most panels that the filters of one group lie in, and the parts they are split into. */
export const GROUP_PANELS: usize = 52;
export const PARTS: usize = 56;
/** Sums [panel of the group][C][R·S][16]. */
export const SUMS: usize = 60;
/** Work space of a unit: pixels of the chunk, then the list of a channel. */
export const PIXELS: usize = 64;
export const PAIRS: usize = 68;
/** Pixels of a chunk. */
export const CHUNK_PIXELS: usize = 72;
/** Address of [K, C/groups, R·S]. */
export const RESULT: usize = 76;
export const PHASES: usize = 80;
export const PHASE_COUNT: usize = 84;

/** Bytes of a phase: input pixels that share a set of taps. */
export const PHASE_BYTES: usize = 36;
export const PHASE_ROWS: usize = 0;
export const PHASE_COLUMNS: usize = 4;
export const PHASE_SOURCE: usize = 8;
export const PHASE_SOURCE_ROW: usize = 12;
export const PHASE_SOURCE_COLUMN: usize = 16;
/** Of its first pixel into a panel, at the tap with distance 0. */
export const PHASE_GRAD: usize = 20;
/** Taps [byte distance into the panel, index in R·S]. */
export const PHASE_TAPS: usize = 24;
export const PHASE_TAP_COUNT: usize = 28;
export const TAP_BYTES: usize = 8;

/** Bytes of the sums of a tap: 16 channels. */
export const SUM_BYTES: usize = 64;

/** First panel of the group that a channel belongs to. */
export function firstPanelOf(job: usize, channel: usize): usize {
  return ((channel / load<usize>(job, GROUP_CHANNELS)) * load<usize>(job, GROUP_FILTERS)) / 16;
}

/** Panels of the group that a channel belongs to. */
export function panelsOf(job: usize, channel: usize): usize {
  const filters = load<usize>(job, GROUP_FILTERS);
  const first = (channel / load<usize>(job, GROUP_CHANNELS)) * filters;
  return (first + filters - 1) / 16 - first / 16 + 1;
}

/** Stores the sums of a tap. */
// @inline
export function storeSums(sums: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}
