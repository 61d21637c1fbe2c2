/** Types of values in hardware configs and energy tables, and the bytes of one. */

/** What multipliers take. */
export const MULTIPLY = ["int8", "fp16", "bf16", "fixed16", "fp32"] as const;
/** What sums and master copies are. */
export const ACCUMULATE = ["int32", "fp32", "fixed32"] as const;
/** Bytes of a value. */
export const VALUE_BYTES: Readonly<Record<(typeof MULTIPLY)[number] | (typeof ACCUMULATE)[number], number>> = {
  ...{ int8: 1, fp16: 2, bf16: 2, fixed16: 2 },
  ...{ fp32: 4, int32: 4, fixed32: 4 },
};
