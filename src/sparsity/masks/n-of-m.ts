/**
 * N:M masks of weights [K, C/groups, R, S] or [K, C]: of every m consecutive input channels of a filter at one kernel
 * position, the n largest magnitudes are kept (Zhou et al. 2021, "Learning N:M Fine-grained Structured Sparse Neural
 * Networks From Scratch"). The last group may be shorter and counts as padded with zeros. Ties: the lowest position first.
 */
import type { Floats } from "../../kernels/kernels.ts";

/** n of every m are kept, 1 ≤ n < m. */
export interface NOfM {
  readonly n: number;
  readonly m: number;
}

/** Marks in `kept` what an n:m array along input channels multiplies. */
export function keepNOfM(
  weight: Floats,
  [filters, channels, ...kernel]: readonly number[],
  { n, m }: NOfM,
  kept: Uint8Array,
): void {
  const stride = kernel.reduce((product, extent) => product * extent, 1);
  const magnitudes = new Float32Array(Math.min(m, channels));
  for (let k = 0; k < filters; k++) {
    for (let c = 0; c < channels; c += m) {
      const size = Math.min(m, channels - c);
      const first = (k * channels + c) * stride;
      for (let at = first; at < first + stride; at++) {
        for (let i = 0; i < size; i++) magnitudes[i] = Math.abs(weight[at + i * stride]);
        for (let i = 0; i < size; i++) kept[at + i * stride] = countBefore(magnitudes, size, i) < n ? 1 : 0;
      }
    }
  }
}

/** Elements that come before element i: larger ones, and equal ones of a lower position. */
function countBefore(magnitudes: Floats, size: number, i: number): number {
  const own = magnitudes[i];
  let before = 0;
  for (let j = 0; j < i; j++) if (magnitudes[j] >= own) before++;
  for (let j = i + 1; j < size; j++) if (magnitudes[j] > own) before++;
  return before;
}
