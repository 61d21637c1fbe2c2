/** Weights of an N:M pattern, for tests. */
import { type BitMask, setBit, zerosMask } from "../../../../src/core/bit-mask.ts";
import { type ConvGeometry, weightShape } from "../../../../src/core/geometry.ts";

/** Of every `m` neighbours along the forward reduction, `n`, from position `shift(filter)` of the block on. */
export function forwardPattern(g: ConvGeometry, n: number, m: number, shift: (filter: number) => number): BitMask {
  const [K, channels, R, S] = weightShape(g);
  const mask = zerosMask([K, channels, R, S]);
  for (let filter = 0; filter < K; filter++) {
    for (let element = 0; element < channels * R * S; element++) {
      if ((element + shift(filter)) % m >= n) continue;
      const channel = element % channels;
      setBit(mask, filter, channel * R * S + (element - channel) / channels);
    }
  }
  return mask;
}
