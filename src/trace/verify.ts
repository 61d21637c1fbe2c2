/** Deep check of a trace: everything that opening it does not look at, because it means reading every mask. */
import { type BitMask, countOnes, sliceBytes, sliceSize } from "../core/bit-mask.ts";
import { maskMethodFaults } from "./mask-laws.ts";
import type { Trace } from "./trace.ts";

/**
 * Faults of the masks, one line each: nonzeros that differ from the mask's ones, bits set beyond a slice's end,
 * top-k masks that keep an element which is zero in the tensor they select from, and what breaks the laws of a method of masks.
 */
export async function verifyTrace(trace: Trace): Promise<string[]> {
  const faults: string[] = [];
  for (const tensor of trace.manifest.tensors) {
    if (tensor.mask === undefined && tensor.within === undefined) continue;
    const at = `${trace.name}: tensor "${tensor.id}"`;
    const mask = await trace.mask(tensor.id);
    const ones = countOnes(mask);
    if (ones !== tensor.nonzeros) faults.push(`${at}: mask has ${ones} ones, got nonzeros ${tensor.nonzeros}`);
    const slice = sliceWithTailBits(mask);
    if (slice >= 0) faults.push(`${at}: bits beyond the end of slice ${slice} are set`);
    if (tensor.within !== undefined) {
      const outside = countOutside(mask, await trace.mask(tensor.within));
      if (outside > 0) faults.push(`${at}: ${outside} elements are kept that are zero in "${tensor.within}"`);
    }
  }
  return [...faults, ...(await maskMethodFaults(trace))];
}

/** First slice with a bit set after its last element, or −1. */
function sliceWithTailBits(mask: BitMask): number {
  const tail = sliceSize(mask.shape) & 7;
  if (tail === 0) return -1;
  const stride = sliceBytes(mask.shape);
  for (let slice = 0; slice < mask.shape[0]; slice++) {
    if (mask.bytes[(slice + 1) * stride - 1] >> tail !== 0) return slice;
  }
  return -1;
}

function countOutside(inner: BitMask, outer: BitMask): number {
  const bytes = inner.bytes.map((byte, i) => byte & ~outer.bytes[i]);
  return countOnes({ shape: inner.shape, bytes });
}
