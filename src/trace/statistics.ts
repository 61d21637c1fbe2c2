/** Density of a mask and how unevenly it is spread: what decides how well a machine that waits for its slowest part does. */
import { type BitMask, countOnes, getBit, sliceSize } from "../core/bit-mask.ts";
import { sizeOf } from "../core/geometry.ts";

/** Densities are nonzeros / size, 0..1; spreads are coefficients of variation (standard deviation / mean, population). */
export interface DensityStatistics {
  readonly density: number;
  /** Spread of the density over the outermost dimension: filters of a weight, images of an activation. */
  readonly spreadOverSlices: number;
  /** Spread of the density over dimension 1: input channels of a weight, channels of an activation. */
  readonly spreadOverChannels: number;
}

/** Statistics of a mask of shape [outer, channels, …]; a tensor of one dimension has one channel. */
export function densityStatistics(mask: BitMask): DensityStatistics {
  const { shape } = mask;
  const slices = shape[0];
  const channels = shape[1] ?? 1;
  const perSlice = Float64Array.from({ length: slices }, (_, slice) => countOnes(mask, slice, slice + 1));
  const perChannel = new Float64Array(channels);
  const size = sliceSize(shape);
  const channelSize = channels === 0 ? 0 : size / channels;
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < size; i++) if (getBit(mask, slice, i)) perChannel[Math.floor(i / channelSize)]++;
  }
  const total = sizeOf(shape);
  const ones = perSlice.reduce((sum, count) => sum + count, 0);
  return {
    density: total === 0 ? 0 : ones / total,
    spreadOverSlices: coefficientOfVariation(perSlice),
    spreadOverChannels: coefficientOfVariation(perChannel),
  };
}

/** Standard deviation (population) over mean; 0 where the mean is 0. */
export function coefficientOfVariation(counts: Float64Array): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  if (!(mean > 0)) return 0;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  return Math.sqrt(variance) / mean;
}
