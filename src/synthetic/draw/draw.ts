/** Draws the numbers whose zeros a synthetic trace has: weights, and activations as they enter and leave a ReLU (../patterns.ts). */
import { sizeOf } from "../../core/geometry.ts";
import { inverseNormal, philox4x32, type RandomStream } from "../../core/random.ts";
import type { FieldDensities, FieldPattern, Smoothness, WeightPattern } from "../patterns.ts";
import { axisValues, normalDeviates } from "./axis.ts";
import { matchField, matchWeight } from "./margins.ts";
import { meanCorrelation, smooth } from "./smooth.ts";

/** Weights of `shape` [filters, channels, …]; each part has a substream of its own. */
export function drawWeights(shape: readonly number[], pattern: WeightPattern, stream: RandomStream): Float32Array {
  const [filters, channels] = shape;
  const taps = sizeOf(shape.slice(2));
  const ofFilter = axisValues(pattern.filters, filters, stream.substream(0));
  const ofChannel = axisValues(pattern.channels, channels, stream.substream(1));
  const weights = new Float32Array(sizeOf(shape));
  fillNormal(weights, stream.substream(2), 0);
  const ofSlice = new Float32Array(channels);
  const slices = stream.substream(3);
  let at = 0;
  for (let filter = 0; filter < filters; filter++) {
    if (pattern.slices > 0) fillNormal(ofSlice, slices, filter);
    for (let channel = 0; channel < channels; channel++) {
      const scale = Math.exp(ofFilter[filter] + ofChannel[channel] + pattern.slices * ofSlice[channel]);
      for (let tap = 0; tap < taps; tap++) weights[at++] *= scale;
    }
  }
  const { densities } = pattern;
  if (densities?.filters.length === filters && densities.channels.length === channels) {
    matchWeight(weights, shape, densities.filters, densities.channels);
  }
  return weights;
}

/** What to draw an activation of `shape` [N, C, H, W] with. */
export interface ActivationDraw {
  readonly shape: readonly number[];
  /** Of its activation zeros; without it all values are nonzero. */
  readonly natural?: FieldPattern | undefined;
  /** Of its largest values. */
  readonly saved: FieldPattern;
}

/**
 * Values ≥ 0 of an activation: zero where the natural pattern has its zeros, the larger the sooner the saved one keeps them. Both see
 * the same smooth fields, so that what is saved lies where natural values are high.
 */
export function drawActivation({ shape, natural, saved }: ActivationDraw, stream: RandomStream): Float32Array {
  const fields = new SharedFields(shape, stream);
  const values = new Float32Array(sizeOf(shape));
  const scores = natural === undefined ? values : new Float32Array(values.length);
  const mixes = [mixOf(saved, fields, 0), ...(natural === undefined ? [] : [mixOf(natural, fields, 1)])];
  const targets = [values, scores];
  const hasPlaces = [saved, natural ?? saved].some(({ places, channelPlaces }) => places + channelPlaces > 0);
  const smoothness = between(saved, natural ?? saved);
  const places = hasPlaces ? fields.places(smoothness) : undefined;
  fields.forEachPlane(smoothness, (plane, own, common) => {
    mixes.forEach((mix, m) => {
      const target = targets[m];
      const base = mix.base[plane];
      const first = plane * own.length;
      for (let i = 0; i < own.length; i++) target[first + i] = mix.own * own[i] + mix.common * common[i] + base;
      if (places !== undefined) addPlaces(target.subarray(first, first + own.length), plane % shape[1], mix, places);
    });
  });
  const channels = shape[1];
  const matches = (densities?: FieldDensities): densities is FieldDensities => densities?.channels.length === channels;
  let threshold = natural === undefined ? -Infinity : thresholdOf(scores, natural.density);
  if (matches(natural?.densities)) {
    for (let i = 0; i < scores.length; i++) scores[i] = positive(scores[i]);
    matchField(scores, shape, natural.densities);
    threshold = 1;
  }
  for (let i = 0; i < values.length; i++) values[i] = scores[i] > threshold ? positive(values[i]) : 0;
  if (matches(saved.densities)) matchField(values, shape, saved.densities);
  return values;
}

function addPlaces(target: Float32Array, channel: number, mix: Mix, { ofAll, ofChannels }: Places): void {
  const first = channel * target.length;
  for (let i = 0; i < target.length; i++) {
    target[i] += mix.places * ofAll[i] + mix.channelPlaces * ofChannels[first + i];
  }
}

/** As smooth as both in the mean; correlations by what they lack of 1. */
function between(a: Smoothness, b: Smoothness): Smoothness {
  const correlation = 1 - Math.sqrt((1 - a.correlation) * (1 - b.correlation));
  return { correlation, curvature: (a.curvature + b.curvature) / 2 };
}

/** A positive number that grows with x. */
function positive(x: number): number {
  return x > 0 ? 1 + x : 1 / (1 - x);
}

/** How a pattern adds up the deviates of a plane. */
interface Mix {
  readonly own: number;
  readonly common: number;
  readonly places: number;
  readonly channelPlaces: number;
  /** What all pixels of a plane have. */
  readonly base: Float64Array;
}

/** What fields keep of the variance, whatever the shares of all else. */
const LEAST_SHARE = 0.02;

function mixOf(pattern: FieldPattern, fields: SharedFields, part: number): Mix {
  const { offsets, ofChannels, images, planes, places, channelPlaces, common } = pattern;
  const [count, channels] = fields.shape;
  const ofChannel = axisValues(ofChannels ?? Math.sqrt(offsets), channels, fields.stream.substream(3 + part));
  const rest = Math.max(LEAST_SHARE, 1 - offsets - images - planes - places - channelPlaces);
  const [ofImages, ofPlanes] = [Math.sqrt(images), Math.sqrt(planes)];
  const base = new Float64Array(count * channels);
  for (let plane = 0; plane < base.length; plane++) {
    const image = Math.floor(plane / channels);
    base[plane] = ofChannel[plane % channels] + ofImages * fields.ofImage[image] + ofPlanes * fields.ofPlane[plane];
  }
  return {
    ...{ own: Math.sqrt(rest * (1 - common)), common: Math.sqrt(rest * common) },
    ...{ places: Math.sqrt(places), channelPlaces: Math.sqrt(channelPlaces), base },
  };
}

/** Deviates of each place, and of each place of each channel. */
interface Places {
  readonly ofAll: Float32Array;
  readonly ofChannels: Float32Array;
}

/** Makes the mean 0 and divides by the standard deviation that is then expected. */
function center(field: Float32Array, deviation: number): void {
  const mean = field.reduce((sum, x) => sum + x, 0) / field.length;
  const scale = deviation > 0 ? 1 / deviation : 0;
  for (let i = 0; i < field.length; i++) field[i] = scale * (field[i] - mean);
}

/** The deviates of an activation that all patterns see. */
class SharedFields {
  readonly ofImage: Float64Array;
  readonly ofPlane: Float32Array;

  constructor(
    readonly shape: readonly number[],
    readonly stream: RandomStream,
  ) {
    const [images, channels] = shape;
    this.ofImage = normalDeviates(images, stream.substream(0));
    this.ofPlane = new Float32Array(images * channels);
    fillNormal(this.ofPlane, stream.substream(5), 0);
  }

  /** Fields of the places in all planes, and in those of each channel. */
  places(smoothness: Smoothness): Places {
    const [, channels, height = 1, width = 1] = this.shape;
    const pixels = height * width;
    const stream = this.stream.substream(6);
    const all = new Float32Array((1 + channels) * pixels);
    for (let run = 0; run <= channels; run++) {
      const field = all.subarray(run * pixels, (run + 1) * pixels);
      fillNormal(field, stream, run);
      smooth(field, width, smoothness);
      center(field, Math.sqrt(1 - meanCorrelation(smoothness, height, width).all));
    }
    return { ofAll: all.subarray(0, pixels), ofChannels: all.subarray(pixels) };
  }

  /** Visits planes with their own field and that of their image. */
  forEachPlane(smoothness: Smoothness, visit: (plane: number, own: Float32Array, common: Float32Array) => void): void {
    const [images, channels, height = 1, width = 1] = this.shape;
    const own = new Float32Array(height * width);
    const common = new Float32Array(height * width);
    const [planes, commons] = [this.stream.substream(1), this.stream.substream(2)];
    for (let image = 0; image < images; image++) {
      fillNormal(common, commons, image);
      smooth(common, width, smoothness);
      for (let channel = 0; channel < channels; channel++) {
        const plane = image * channels + channel;
        fillNormal(own, planes, plane);
        smooth(own, width, smoothness);
        visit(plane, own, common);
      }
    }
  }
}

const BINS = 1 << 13;
const WIDEST = 8;
const bins = new Int32Array(BINS);

/** The value that a share of `density` of the scores lies above, to a small part of a bin. */
function thresholdOf(scores: Float32Array, density: number): number {
  bins.fill(0);
  const scale = BINS / (2 * WIDEST);
  for (let i = 0; i < scores.length; i++) {
    const bin = (scores[i] + WIDEST) * scale;
    bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin | 0]++;
  }
  let missing = density * scores.length;
  let bin = BINS - 1;
  while (bin > 0 && bins[bin] < missing) missing -= bins[bin--];
  return (bin + 1 - missing / Math.max(1, bins[bin])) / scale - WIDEST;
}

const NORMALS_PER_BLOCK = 8;
const LEVELS = 1 << 16;
const block = new Uint32Array(4);
let quantiles: Float32Array | undefined;

/**
 * Fills `target` with standard normal deviates of 16 bits each, eight from a block of the generator; `run` tells fills
 * from one stream apart, whose targets have the same length.
 */
function fillNormal(target: Float32Array, stream: RandomStream, run: number): void {
  quantiles ??= Float32Array.from({ length: LEVELS }, (_, i) => inverseNormal((i + 0.5) / LEVELS));
  const { key, counter } = stream.origin;
  let index = run * Math.ceil(target.length / NORMALS_PER_BLOCK);
  for (let i = 0; i < target.length; i += NORMALS_PER_BLOCK) {
    philox4x32(block, index++, counter[0], counter[1], counter[2], key[0], key[1]);
    const end = Math.min(NORMALS_PER_BLOCK, target.length - i);
    for (let k = 0; k < end; k++) target[i + k] = quantiles[(block[k >> 1] >>> ((k & 1) << 4)) & (LEVELS - 1)];
  }
}
