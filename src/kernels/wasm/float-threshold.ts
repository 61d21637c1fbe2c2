/** Thresholds in double precision as the single precision that kernels compare with. */

/** Smallest float that is not below `threshold`: to floats, the same threshold. NaN stays NaN. */
export function floatAtLeast(threshold: number): number {
  const float = Float32Array.of(threshold);
  if (!(float[0] < threshold)) return float[0];
  const pattern = new Int32Array(float.buffer);
  // Patterns grow with the magnitude.
  pattern[0] += float[0] < 0 ? -1 : 1;
  return float[0];
}
