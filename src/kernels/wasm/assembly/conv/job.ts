/**
 * One pass that gathers: forward, or inputGrad seen as a convolution of outputGrad. A record of 32-bit words that the
 * host fills in (../../conv/gather.ts keeps the same order), with tables behind some of its addresses:
 *
 *   rows    for each target row      [source bytes, row phase or NO_PHASE]
 *   runs    of target columns        [target bytes, target step, count, source bytes, source step, column phase or NO_PHASE]
 *   phases  [taps, address of taps, address of panels, new pixels, address of new pixels]
 *           a tap is [kernel index, source bytes]; a new pixel the source bytes of a tap that no window before has read
 *
 * Target positions of one phase see the same taps at the same distances; forward has one phase, and inputGrad one per
 * remainder of the position by the stride. NO_PHASE has no taps.
 */

/** Address of pixel (0, 0), channel 0 of block 0 of the tensor read, and bytes from block to block. */
export const SOURCE: usize = 0;
export const SOURCE_BLOCK: usize = 4;
/** The same of the tensor written, and bytes from row to row. */
export const TARGET: usize = 8;
export const TARGET_BLOCK: usize = 12;
export const TARGET_ROW: usize = 16;
export const ROWS: usize = 20;
export const ROW_COUNT: usize = 24;
export const RUNS: usize = 28;
export const RUN_COUNT: usize = 32;
export const COLUMN_PHASES: usize = 36;
/** Channels written, over all groups. */
export const CHANNELS: usize = 40;
export const LANES: usize = 44;
/** Address of [CHANNELS] floats, or 0. */
export const BIAS: usize = 48;
/** 0: write; 1: add. */
export const ACCUMULATE: usize = 52;
/** Address of 32 masks of the lanes in use; those of block LAST_BLOCK follow. */
export const MASKS: usize = 56;
export const LAST_BLOCK: usize = 60;
/** Parts into which the channels of a row are split. */
export const TILES: usize = 64;
/** Sparse kernel: address of [phase][CHANNELS] addresses of lists, and one more. */
export const LISTS: usize = 68;
export const PHASES: usize = 72;
/** Groups, and channels of one group that are written and read. */
export const GROUPS: usize = 76;
export const GROUP_TARGETS: usize = 80;
export const GROUP_SOURCES: usize = 84;

/** Phase of positions that no tap reaches. */
export const NO_PHASE: usize = 0xffffffff;

/** Bytes of an entry of the tables. */
export const ROW_BYTES: usize = 8;
export const RUN_BYTES: usize = 24;
export const PHASE_BYTES: usize = 20;
export const TAP_BYTES: usize = 8;
export const MASKS_BYTES: usize = 128;

/** Writes zeros to `bytes` of each of `count` pixels. */
export function clearPixels(target: usize, step: usize, count: usize, bytes: usize): void {
  for (let i: usize = 0; i < count; i++) {
    memory.fill(target, 0, bytes);
    target += step;
  }
}
