/**
 * Inverted dropout (Srivastava et al. 2014, "Dropout", §10): dropped elements are 0 and the others grow, so that sums keep
 * their mean and evaluation needs no scaling. Image n's element e (in C order) is dropped by draw
 * 4·(⌊n/4⌋·size + e) + n mod 4 of the stream: kernels with images side by side then use whole blocks of the generator.
 */

import type { RandomStream } from "../../core/random.ts";
import type { Floats } from "../kernels.ts";

const DRAWS = 2 ** 32;
/** Draws of a block of the generator. */
const BLOCK = 4;

/** Draws below this drop their element. */
export function dropoutBound(rate: number): number {
  return Math.floor(rate * DRAWS);
}

/** What kept elements are multiplied with: 1/(1 − rate) as a 32-bit float. */
export function dropoutScale(rate: number): number {
  return Math.fround(1 / (1 - rate));
}

/** target [N, size] = source where it is kept, scaled, else 0; or added to. */
export function dropout(
  N: number,
  size: number,
  rate: number,
  stream: RandomStream,
  source: Floats,
  target: Floats,
  accumulate: boolean,
): void {
  const bound = dropoutBound(rate);
  const scale = dropoutScale(rate);
  for (let n = 0; n < N; n++) {
    const block = Math.floor(n / BLOCK) * size;
    for (let e = 0; e < size; e++) {
      const at = n * size + e;
      const kept = stream.uint32At(BLOCK * (block + e) + (n % BLOCK)) >= bound;
      const value = kept ? Math.fround(source[at] * scale) : 0;
      target[at] = accumulate ? target[at] + value : value;
    }
  }
}
