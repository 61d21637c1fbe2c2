/**
 * Images that the program draws from a seed, so that every example and test runs without a download. A class is a small
 * local shape at a random place, size, contrast and colour over a sloping background with noise. Light-on-dark and
 * dark-on-light are equally likely, so each class has the same mean image and a linear classifier learns next to nothing,
 * while the shape itself is local: what a small CNN sees. An image is a function of (seed, split, index); none is stored.
 */

import { type RandomStream, randomStream } from "../../core/random.ts";
import { InputError } from "../../io/faults.ts";
import type { DataSplits, Dataset } from "./dataset.ts";
import { PATTERNS } from "./patterns.ts";

/** What may be chosen; everything but the seed has a default. */
export interface GeneratedOptions {
  readonly seed: number;
  readonly height?: number;
  readonly width?: number;
  readonly channels?: number;
  readonly trainSize?: number;
  readonly testSize?: number;
}

const DEFAULT_SIDE = 16;
const DEFAULT_CHANNELS = 3;
const DEFAULT_TRAIN_SIZE = 10_000;
const DEFAULT_TEST_SIZE = 2_000;
/** Stripes blur into each other below this side. */
const MIN_SIDE = 8;
/** Largest height, width and number of channels: an image has to fit into memory many times. */
const MAX_SIDE = 1024;

/** Radius of a shape, as a part of the shorter side. */
const RADIUS = { low: 0.32, high: 0.46 } as const;
/** A shape's centre stays this many radii inside the border: a little of it may be cut off. */
const INSET = 0.85;
/** Brightness of the strokes; the sign is drawn apart, the same for all channels. */
const CONTRAST = { low: 1.6, high: 3 } as const;
/** Part of the contrast that each channel shows: the colour. */
const TINT = { low: 0.5, high: 1 } as const;
/** Largest offset of a channel's background, and largest slope of it from the centre to a border. */
const BACKGROUND = { offset: 0.5, slope: 0.5 } as const;
const NOISE_STD = 0.6;
/** Divides what was drawn, so that pixels have about unit variance. */
const SCALE = 1.05;

/** Draws needed before the noise: place, radius, contrast and sign, then four for each channel. */
const SHAPE_DRAWS = 5;
const CHANNEL_DRAWS = 4;

/** Both splits. Throws where a size is not a positive integer or a side is below 8. */
export function generatedData(options: GeneratedOptions): DataSplits {
  const {
    seed,
    height = DEFAULT_SIDE,
    width = DEFAULT_SIDE,
    channels = DEFAULT_CHANNELS,
    trainSize = DEFAULT_TRAIN_SIZE,
    testSize = DEFAULT_TEST_SIZE,
  } = options;
  check("height", height, MIN_SIDE, MAX_SIDE);
  check("width", width, MIN_SIDE, MAX_SIDE);
  check("channels", channels, 1, MAX_SIDE);
  check("trainSize", trainSize, 1);
  check("testSize", testSize, 1);
  const shape = { channels, height, width };
  return {
    name: "generated",
    train: split(randomStream(seed, "generated images: train"), trainSize, shape),
    test: split(randomStream(seed, "generated images: test"), testSize, shape),
  };
}

interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Classes take turns, so that the first n images are balanced for every n. */
function split(stream: RandomStream, size: number, shape: ImageShape): Dataset {
  const label = (index: number) => index % PATTERNS.length;
  const ink = new Float32Array(shape.height * shape.width);
  return {
    name: "generated",
    ...shape,
    classes: PATTERNS.length,
    size,
    label,
    black: new Array<number>(shape.channels).fill(0),
    loadImage: (index, target, offset) =>
      drawImage(stream.substream(index), label(index), { shape, ink }, target, offset),
  };
}

/** An image's shape, and ink [H, W], which is scratch. */
interface Canvas {
  readonly shape: ImageShape;
  readonly ink: Float32Array;
}

interface Disc {
  readonly centreX: number;
  readonly centreY: number;
  readonly radius: number;
}

/** Draws one image. */
function drawImage(
  random: RandomStream,
  label: number,
  { shape, ink }: Canvas,
  target: Float32Array,
  offset: number,
): void {
  const { channels, height, width } = shape;
  const radius = between(random, 0, RADIUS) * Math.min(height, width);
  const centreX = placeAt(random, 1, width, radius);
  const centreY = placeAt(random, 2, height, radius);
  const sign = random.uniformAt(3) < 0.5 ? -1 : 1;
  const contrast = sign * between(random, 4, CONTRAST);
  drawShape(label, { centreX, centreY, radius }, { shape, ink });

  const firstNoise = SHAPE_DRAWS + CHANNEL_DRAWS * channels;
  let pixel = 0;
  for (let channel = 0; channel < channels; channel++) {
    const draw = SHAPE_DRAWS + CHANNEL_DRAWS * channel;
    const strength = contrast * between(random, draw, TINT);
    const level = BACKGROUND.offset * signed(random, draw + 1);
    const slopeX = (2 * BACKGROUND.slope * signed(random, draw + 2)) / width;
    const slopeY = (2 * BACKGROUND.slope * signed(random, draw + 3)) / height;
    for (let y = 0; y < height; y++) {
      const rowLevel = level + slopeY * (y + 0.5 - height / 2);
      for (let x = 0; x < width; x++) {
        const background = rowLevel + slopeX * (x + 0.5 - width / 2);
        const noise = NOISE_STD * random.normalAt(firstNoise + pixel);
        target[offset + pixel] = (background + strength * ink[y * width + x] + noise) / SCALE;
        pixel++;
      }
    }
  }
}

/** ink [H, W] = the shape inside its disc, 0 around it. */
function drawShape(label: number, { centreX, centreY, radius }: Disc, { shape, ink }: Canvas): void {
  const { value } = PATTERNS[label];
  for (let y = 0; y < shape.height; y++) {
    const v = (y + 0.5 - centreY) / radius;
    for (let x = 0; x < shape.width; x++) {
      const u = (x + 0.5 - centreX) / radius;
      ink[y * shape.width + x] = u * u + v * v <= 1 ? value(u, v) : 0;
    }
  }
}

/** A coordinate of the centre, at least INSET radii from both borders. */
function placeAt(random: RandomStream, draw: number, extent: number, radius: number): number {
  const margin = INSET * radius;
  return margin + random.uniformAt(draw) * (extent - 2 * margin);
}

function between(random: RandomStream, draw: number, range: { readonly low: number; readonly high: number }): number {
  return range.low + (range.high - range.low) * random.uniformAt(draw);
}

/** In [−1, 1). */
function signed(random: RandomStream, draw: number): number {
  return 2 * random.uniformAt(draw) - 1;
}

function check(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const limit = most === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${most}`;
  throw new InputError([`generated data: ${name} must be an integer of at least ${least}${limit}, got ${value}`]);
}
