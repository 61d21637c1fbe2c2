/** One seed for all property tests, so that a run that passes here passes everywhere; SWAT_SIM_FC_SEED explores others. */
import fc from "fast-check";
import { expect } from "vitest";

fc.configureGlobal({ seed: Number(process.env.SWAT_SIM_FC_SEED ?? 1) });

// Typed arrays of equal bytes are equal; vitest would ask for each element by its name. Others are left to it, and shown by it.
expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
    const [one, other] = [a, b].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    );
    return one.equals(other) ? true : undefined;
  },
]);
