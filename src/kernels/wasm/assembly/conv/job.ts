/** The entries of the tables behind a GatherRecord, in bytes. */
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
