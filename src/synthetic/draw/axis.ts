/** Deviates along filters, channels and images. */
import { inverseNormal, type RandomStream } from "../../core/random.ts";
import type { Axis } from "../patterns.ts";

/** Steps by which others are taken lie evenly in what there is, whatever their number. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * `count` normal deviates in an order by chance: the quantiles of the distribution, so that a small layer has neither more nor less of a
 * spread than was asked for.
 */
export function normalDeviates(count: number, stream: RandomStream): Float64Array {
  const deviates = Float64Array.from({ length: count }, (_, i) => inverseNormal((i + 0.5) / count));
  for (let i = count - 1; i > 0; i--) {
    const other = stream.int(i + 1);
    [deviates[i], deviates[other]] = [deviates[other], deviates[i]];
  }
  return deviates;
}

/** Values of an axis for `count` filters or channels; measured ones of another number are taken in an even choice. */
export function axisValues(axis: Axis, count: number, stream: RandomStream): Float64Array {
  if (typeof axis === "number") return normalDeviates(count, stream).map((z) => axis * z);
  return resampled(axis, count);
}

/** `count` of `values`: the same choice of all that have the same length, so that what belongs together stays together. */
function resampled(values: Float64Array, count: number): Float64Array {
  if (values.length === count) return values;
  return Float64Array.from({ length: count }, (_, i) => values[Math.floor((((i + 0.5) * GOLDEN) % 1) * values.length)]);
}
