/** The hardware of n : m structured weights. */
import type { SkippingHardware } from "./accelerator.ts";

/** Each multiplier selects its operand from a block of `m`; nothing where the array is dense (n = m). */
export function blockSelection({ n, m }: { readonly n: number; readonly m: number }): SkippingHardware | null {
  if (n === m) return null;
  return {
    ...{ operandMuxes: m - 1, productMuxes: 0, schedulerBits: 0 },
    schedules: "compute",
    metadataBits: Math.ceil(Math.log2(m)),
  };
}
