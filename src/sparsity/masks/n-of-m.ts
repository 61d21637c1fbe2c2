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
  for (let k = 0; k < filters; k++) {
    for (let c = 0; c < channels; c += m) {
      const size = Math.min(m, channels - c);
      for (let position = 0; position < stride; position++) {
        keepOfGroup(weight, (k * channels + c) * stride + position, { stride, size }, n, kept);
      }
    }
  }
}

/** An element is kept if fewer than n come before it: larger ones, and equal ones of a lower position. */
function keepOfGroup(
  weight: Floats,
  from: number,
  { stride, size }: { readonly stride: number; readonly size: number },
  n: number,
  kept: Uint8Array,
): void {
  for (let i = 0; i < size; i++) {
    const magnitude = Math.abs(weight[from + i * stride]);
    let before = 0;
    for (let j = 0; j < size; j++) {
      const other = Math.abs(weight[from + j * stride]);
      if (other > magnitude || (other === magnitude && j < i)) before++;
    }
    kept[from + i * stride] = before < n ? 1 : 0;
  }
}
