/** Measures recorded activations in the terms of the synthetic ones (../patterns.ts), by the pairs of elements that are kept together. */
import { type BitMask, getBit } from "../../core/bit-mask.ts";
import { inverseNormal } from "../../core/random.ts";
import { meanCorrelation } from "../draw/smooth.ts";
import type { FieldPattern, Smoothness } from "../patterns.ts";
import { cellCounts, shrinkage, varianceParts } from "./cells.ts";
import { bothAbove, rootOf } from "./normal.ts";

/** What an activation tells. */
export interface MeasuredField extends FieldPattern {
  readonly ofChannels: Float64Array;
}

const LEAST_TELLING = 0.002;
const MOST_SHARE = 0.98;
const MOST_CORRELATION = 0.995;
const MOST_CURVATURE = 0.9;
/** An excess of the variance of fields that may be chance. */
const CHANCE = 0.02;
/** What places can have of the variance within planes. */
const MOST_OF_PLACES = 0.9;
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
  const left = 1 - ofChannel;
  const ofPlace = latent(together.place);
  const ofChannelPlace = Math.max(0, latent(together.channelPlace) - ofChannel - ofPlace);
  const within = 1 - ofPlane;
  const [places, channelPlaces] = fitting([ofPlace, ofChannelPlace], MOST_OF_PLACES * Math.min(left, within));
  const ofFields = within - places - channelPlaces;

  const smoothness = smoothnessOf(
    { ratio: within / (1 - ofNeighbours), ofFields, left: left - places - channelPlaces },
    height,
    width,
  );
  const { all } = meanCorrelation(smoothness, height, width);
  const common = pixels === 1 ? 0 : Math.max(0, (ofPixel - ofImage - places) / (1 - all));
  const remaining = left - places - channelPlaces;
  const imageShare = Math.min(remaining, Math.max(0, pixels === 1 ? ofImage : ofPixel - common - places));
  const fields = pixels === 1 ? remaining - imageShare : Math.min(remaining - imageShare, ofFields / (1 - all));
  return {
    density: mean,
    offsets: ofChannel,
    ofChannels: offsetsOf(parts.columnMeans, { mean, part: parts.columns, share: ofChannel, count: images * pixels }),
    densities: { channels: parts.columnMeans, images: parts.rowMeans, places: together.places },
    images: imageShare,
    planes: Math.max(0, remaining - imageShare - fields),
    ...{ places, channelPlaces },
    common: fields > 0 ? Math.min(1, common / fields) : 0,
    ...smoothness,
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
  /** At one pixel of different images: of different channels, and of one. */
  readonly place: number | null;
  readonly channelPlace: number | null;
  /** Densities of the places. */
  readonly places: Float64Array;
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
  const { pixelSquares, placeSquares, channelPlaceSquares, places, both, bothPairs } = neighbourhood(mask);
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
    place: share(
      placeSquares - pixelSquares - channelPlaceSquares + ones,
      planes * (images - 1) * (channels - 1) * pixels,
    ),
    channelPlace: share(channelPlaceSquares - ones, planes * (images - 1) * pixels),
    places,
  };
}

/** Sums over pixels of squared counts, over channels, over images and channels, and over images; and over neighbouring pixels of one plane. */
interface Neighbourhood {
  pixelSquares: number;
  placeSquares: number;
  channelPlaceSquares: number;
  places: Float64Array;
  both: number;
  bothPairs: number;
}

function neighbourhood(mask: BitMask): Neighbourhood {
  const [images, channels, height = 1, width = 1] = mask.shape;
  const pixels = height * width;
  let [pixelSquares, both] = [0, 0];
  const bits = new Uint8Array(pixels);
  const at = new Uint16Array(pixels);
  const ofPlaces = new Uint32Array(pixels);
  const ofChannelPlaces = new Uint32Array(channels * pixels);
  for (let image = 0; image < images; image++) {
    at.fill(0);
    for (let channel = 0; channel < channels; channel++) {
      const first = channel * pixels;
      for (let pixel = 0; pixel < pixels; pixel++) {
        bits[pixel] = getBit(mask, image, first + pixel) ? 1 : 0;
        at[pixel] += bits[pixel];
        ofChannelPlaces[first + pixel] += bits[pixel];
      }
      for (let pixel = 0; pixel < pixels; pixel++) {
        if (bits[pixel] === 0) continue;
        if ((pixel + 1) % width !== 0) both += bits[pixel + 1];
        if (pixel + width < pixels) both += bits[pixel + width];
      }
    }
    at.forEach((count, pixel) => {
      pixelSquares += count * count;
      ofPlaces[pixel] += count;
    });
  }
  const sumSquares = (counts: Uint32Array) => {
    let sum = 0;
    for (const count of counts) sum += count * count;
    return sum;
  };
  return {
    ...{ pixelSquares, placeSquares: sumSquares(ofPlaces), channelPlaceSquares: sumSquares(ofChannelPlaces) },
    places: Float64Array.from(ofPlaces, (count) => count / (images * channels)),
    ...{ both, bothPairs: images * channels * (height * (width - 1) + (height - 1) * width) },
  };
}

/** Scaled down where their sum is more than `most`. */
function fitting(shares: readonly [number, number], most: number): [number, number] {
  const factor = Math.min(1, Math.max(0, most) / Math.max(1e-9, shares[0] + shares[1]));
  return [factor * shares[0], factor * shares[1]];
}

/**
 * The fields whose variance within a plane is `ratio` times that between neighbours, half the mean square of their difference;
 * of all such the roughest that leave no more variance to the means of planes than there is.
 */
function smoothnessOf(
  { ratio, ofFields, left }: { ratio: number; ofFields: number; left: number },
  height: number,
  width: number,
): Smoothness {
  if (height * width === 1) return { correlation: 0, curvature: 0 };
  const at = (curvature: number): Smoothness => {
    const ratioAt = (correlation: number) =>
      (1 - meanCorrelation({ correlation, curvature }, height, width).different) / (1 - correlation);
    return { correlation: rootOf((r) => ratioAt(r) - ratio, 0, MOST_CORRELATION), curvature };
  };
  const excess = (curvature: number) => ofFields / (1 - meanCorrelation(at(curvature), height, width).all) - left;
  if (excess(0) <= CHANCE) return at(0);
  return at(rootOf((curvature) => -excess(curvature), 0, MOST_CURVATURE));
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
