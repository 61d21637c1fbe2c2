/**
 * Threshold of SWAT's top-k mask by radix selection: non-negative floats are ordered as their bit patterns, so the k-th
 * largest magnitude is found digit by digit from the top (11, 10 and 10 bits), each by one histogram sweep. Exact, and
 * linear in the size; the patterns of NaN lie above infinity, so NaN counts as the largest.
 */
import type { Floats } from "../kernels.ts";

const DIGITS: readonly { readonly shift: number; readonly bits: number }[] = [
  { shift: 20, bits: 11 },
  { shift: 10, bits: 10 },
  { shift: 0, bits: 10 },
];
const MAGNITUDE = 0x7fffffff;
const counts = new Int32Array(1 << 11);
const pattern = new Uint32Array(1);
const patternAsFloat = new Float32Array(pattern.buffer);

/** k-th largest |v| over values[0..size), 1 ≤ k ≤ size; NaN counts as the largest. */
export function topKThreshold(values: Floats, size: number, k: number): number {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, size);
  let found = 0;
  let rank = k;
  for (const { shift, bits } of DIGITS) {
    countDigits(patterns, size, found, shift, bits);
    let digit = (1 << bits) - 1;
    while (counts[digit] < rank) rank -= counts[digit--];
    found |= digit << shift;
  }
  pattern[0] = found;
  return patternAsFloat[0];
}

/** Histogram of the digit at `shift` over the patterns whose higher bits equal those of `found`. */
function countDigits(patterns: Uint32Array, size: number, found: number, shift: number, bits: number): void {
  counts.fill(0, 0, 1 << bits);
  const above = shift + bits;
  const wanted = found >>> above;
  const digitMask = (1 << bits) - 1;
  for (let i = 0; i < size; i++) {
    const magnitude = patterns[i] & MAGNITUDE;
    if (magnitude >>> above === wanted) counts[(magnitude >>> shift) & digitMask]++;
  }
}
