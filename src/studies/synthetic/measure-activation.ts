/** Measures recorded activations in the terms of the synthetic ones (patterns.ts), by the pairs of elements that are kept together. */
import { type BitMask, getBit } from "../../kernels/bit-mask.ts";
import { inverseNormal } from "../../kernels/random.ts";
import { cellCounts, shrinkage, varianceParts } from "./cells.ts";
import { bothAbove, rootOf } from "./normal.ts";
import type { FieldPattern } from "./patterns.ts";

/** What an activation tells. */
export interface MeasuredField extends FieldPattern {
  readonly ofChannels: Float64Array;
}

const LEAST_TELLING = 0.002;
const MOST_SHARE = 0.98;
const MOST_CORRELATION = 0.99;
/** A channel that keeps nothing is taken to keep this share of an element. */
const LEAST_KEPT = 0.25;

/**
 * The shares of variance of the deviates that give the mask the joint probabilities that it has, and b of each channel.
 * Null for a mask that is dense or nearly so.
 */
export function activationPattern(mask: BitMask): MeasuredField | null {
  const [images, , height = 1, width = 1] = mask.shape;
  const pixels = height * width;
  const { cells } = cellCounts(mask);
  const parts = varianceParts(
    cells.map((count) => count / pixels),
    images,
  );
  const { mean } = parts;
  if (mean < LEAST_TELLING || mean > 1 - LEAST_TELLING) return null;
  const together = pairsOf(mask, cells);
  const t = -inverseNormal(mean);
  const base = together.apart ?? mean * mean;
  const latent = (probability: number | null) =>
    probability === null || probability <= base
      ? 0
      : rootOf((r) => bothAbove(t, r) - mean * mean - (probability - base), 0, 1);
  const ofChannel = Math.min(MOST_SHARE, latent(together.channel ?? together.plane));
  const [ofImage, ofPixel] = [latent(together.image), latent(together.pixel)];
  const [ofPlane, ofNeighbours] = [latent(together.plane), latent(together.neighbours)];

  const correlation = pixels === 1 ? 0 : correlationOf((1 - ofPlane) / (1 - ofNeighbours), height, width);
  const smooth = meanCorrelation(correlation, height, width);
  const left = 1 - ofChannel;
  const common = pixels === 1 ? 0 : Math.max(0, (ofPixel - ofImage) / (1 - smooth.all));
  const imageShare = Math.min(left, Math.max(0, pixels === 1 ? ofImage : ofPixel - common));
  const fields = pixels === 1 ? left - imageShare : Math.min(left - imageShare, (1 - ofNeighbours) / (1 - correlation));
  return {
    density: mean,
    offsets: ofChannel,
    ofChannels: offsetsOf(parts.columnMeans, { mean, part: parts.columns, share: ofChannel, count: images * pixels }),
    densities: parts.columnMeans,
    images: imageShare,
    planes: Math.max(0, left - imageShare - fields),
    common: fields > 0 ? Math.min(1, common / fields) : 0,
    correlation,
  };
}

/** Probabilities that two elements are both kept; null where there is no such pair. */
interface Pairs {
  /** In different images and channels. */
  readonly apart: number | null;
  /** In one channel and different images, one image and different channels, at one pixel of different channels. */
  readonly channel: number | null;
  readonly image: number | null;
  readonly pixel: number | null;
  /** Different pixels of a plane, and neighbours. */
  readonly plane: number | null;
  readonly neighbours: number | null;
}

function pairsOf(mask: BitMask, cells: Float64Array): Pairs {
  const [images, channels, height = 1, width = 1] = mask.shape;
  const pixels = height * width;
  const ofImage = new Float64Array(images);
  const ofChannel = new Float64Array(channels);
  let [squares, ones] = [0, 0];
  cells.forEach((count, cell) => {
    ofImage[Math.floor(cell / channels)] += count;
    ofChannel[cell % channels] += count;
    squares += count * count;
    ones += count;
  });
  const sumSquares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
  const [imageSquares, channelSquares] = [sumSquares(ofImage), sumSquares(ofChannel)];
  const { pixelSquares, both, bothPairs } = neighbourhood(mask);
  const share = (sum: number, pairs: number) => (pairs > 0 ? sum / pairs : null);
  const planes = images * channels;
  return {
    apart: share(
      ones * ones - imageSquares - channelSquares + squares,
      planes * (images - 1) * (channels - 1) * pixels ** 2,
    ),
    channel: share(channelSquares - squares, planes * (images - 1) * pixels ** 2),
    image: share(imageSquares - squares, planes * (channels - 1) * pixels ** 2),
    pixel: share(pixelSquares - ones, planes * (channels - 1) * pixels),
    plane: share(squares - ones, planes * pixels * (pixels - 1)),
    neighbours: share(both, bothPairs),
  };
}

/** Sums over pixels of squared counts over channels, and over neighbouring pixels of one plane. */
function neighbourhood(mask: BitMask): { pixelSquares: number; both: number; bothPairs: number } {
  const [images, channels, height = 1, width = 1] = mask.shape;
  const pixels = height * width;
  let [pixelSquares, both] = [0, 0];
  const bits = new Uint8Array(pixels);
  const at = new Uint16Array(pixels);
  for (let image = 0; image < images; image++) {
    at.fill(0);
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        bits[pixel] = getBit(mask, image, channel * pixels + pixel) ? 1 : 0;
        at[pixel] += bits[pixel];
      }
      for (let pixel = 0; pixel < pixels; pixel++) {
        if (bits[pixel] === 0) continue;
        if ((pixel + 1) % width !== 0) both += bits[pixel + 1];
        if (pixel + width < pixels) both += bits[pixel + width];
      }
    }
    for (const count of at) pixelSquares += count * count;
  }
  return { pixelSquares, both, bothPairs: images * channels * (height * (width - 1) + (height - 1) * width) };
}

/** Mean of correlation^(|x| + |y|) over all pairs of pixels, and over those of different ones. */
function meanCorrelation(correlation: number, height: number, width: number): { all: number; different: number } {
  const along = (extent: number) => {
    let sum = extent;
    for (let apart = 1; apart < extent; apart++) sum += 2 * (extent - apart) * correlation ** apart;
    return sum / extent ** 2;
  };
  const all = along(height) * along(width);
  const pixels = height * width;
  return { all, different: pixels > 1 ? (all * pixels - 1) / (pixels - 1) : 0 };
}

/** The correlation at which variance within a plane is `ratio` times that between neighbours. */
function correlationOf(ratio: number, height: number, width: number): number {
  const at = (r: number) => (1 - meanCorrelation(r, height, width).different) / (1 - r);
  return rootOf((r) => at(r) - ratio, 0, MOST_CORRELATION);
}

/** b of each channel, drawn towards the mean as far as chance has spread them. */
function offsetsOf(
  means: Float64Array,
  { mean, part, share, count }: { mean: number; part: number; share: number; count: number },
): Float64Array {
  const shrink = shrinkage(means, part);
  const least = LEAST_KEPT / count;
  const center = -inverseNormal(mean);
  return means.map((density) => {
    const wanted = Math.min(1 - least, Math.max(least, mean + shrink * (density - mean)));
    return center + Math.sqrt(1 - share) * inverseNormal(wanted);
  });
}
