/** Thresholds in double precision as the single precision that kernels compare with. */

const LEAST = 2 ** -149;

/** Smallest float that is not below `threshold`: to floats, the same threshold. NaN stays NaN. */
export function floatAtLeast(threshold: number): number {
  const float = Float32Array.of(threshold);
  if (!(float[0] < threshold)) return float[0];
  const pattern = new Int32Array(float.buffer);
  // Patterns grow with the magnitude.
  pattern[0] += float[0] < 0 ? -1 : 1;
  return float[0];
}

/** The same for what keeps no zeros: also the least float above 0 where it is not above. */
export function floatAboveZero(threshold: number): number {
  return threshold > 0 ? floatAtLeast(threshold) : LEAST;
}
