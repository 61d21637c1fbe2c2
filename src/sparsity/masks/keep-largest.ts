/**
 * A mask of exactly the largest magnitudes, unlike SWAT's threshold (../keep-count.ts), which keeps all ties: the counts of
 * these methods are contracts. Of equal magnitudes the lowest index comes first, as in TensorFlow's `top_k`.
 */
import { countNonzeros } from "../../core/bit-mask.ts";
import { topKThreshold } from "../../kernels/js/top-k.ts";
import type { Floats } from "../../kernels/kernels.ts";

/**
 * Marks the `count` largest |values| in `kept` with 1, all others with 0. Only elements with a 1 in `among`, if it is
 * given, are chosen from; there must be at least `count` of them. NaN counts as the largest.
 */
export function keepLargest(values: Floats, count: number, kept: Uint8Array, among?: Uint8Array): void {
  kept.fill(0);
  if (count === 0) return;
  const candidates = among === undefined ? values : gathered(values, among);
  const threshold = topKThreshold(candidates, candidates.length, count);
  const isNaNLeast = Number.isNaN(threshold);
  let left = count;
  for (let i = 0; i < values.length; i++) {
    const isAbove = !isNaNLeast && !(Math.abs(values[i]) <= threshold);
    if (!isAbove || among?.[i] === 0) continue;
    kept[i] = 1;
    left--;
  }
  for (let i = 0; left > 0; i++) {
    const ties = isNaNLeast ? Number.isNaN(values[i]) : Math.abs(values[i]) === threshold;
    if (!ties || among?.[i] === 0) continue;
    kept[i] = 1;
    left--;
  }
}

function gathered(values: Floats, among: Uint8Array): Floats {
  const found = new Float32Array(countNonzeros(among));
  for (let i = 0, to = 0; i < values.length; i++) if (among[i] === 1) found[to++] = values[i];
  return found;
}
