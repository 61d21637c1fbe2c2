/**
 * Augmentation of training images, drawn for each image from the stream of (seed, "augment", epoch, index): what an image
 * looks like in an epoch depends on nothing else, neither on the order of loading nor on threads or resuming.
 * `crop` and `flip`: He et al. 2016 §4.2, as torchvision's RandomCrop(padding=4) and RandomHorizontalFlip: raw pixels are
 * padded with 0 before normalisation, so the border is filled with what a black pixel becomes; generated images have no
 * pixel values and are padded with 0 itself. `resized-crop`: Szegedy et al. 2015 §6, with the ranges and the ten attempts of
 * torchvision's RandomResizedCrop.
 */

import { type RandomStream, randomStream } from "../../core/random.ts";
import { InputError } from "../../io/faults.ts";
import type { Box, Dataset } from "./dataset.ts";

/** Augmentations that can be asked for. */
export const AUGMENTATIONS = ["crop", "flip", "resized-crop"] as const;
/** Name of an augmentation. */
export type Augmentation = (typeof AUGMENTATIONS)[number];

/** Pixels on each side. */
const PADDING = 4;
/** Share of the picture that a resized crop covers. */
const AREA = { low: 0.08, high: 1 } as const;
/** Largest ratio of its sides, either way. */
const ASPECT = 4 / 3;
const ATTEMPTS = 10;

/** Each purpose has draws of its own, so that switching one augmentation on leaves the others as they were. */
const FLIP_DRAW = 0;
const TOP_DRAW = 1;
const LEFT_DRAW = 2;
const BOX_DRAW = 3;
const DRAWS_PER_ATTEMPT = 4;

/**
 * The training images of each epoch; `dataset` itself where nothing is asked for. Images are loaded one at a time.
 * Throws where a resized crop is asked for of images that are no pictures.
 */
export function augmentation(
  dataset: Dataset,
  asked: readonly Augmentation[],
  seed: number,
): (epoch: number) => Dataset {
  if (asked.length === 0) return () => dataset;
  const { name, channels, height, width, loadBox } = dataset;
  const boxes = asked.includes("resized-crop");
  if (boxes && loadBox === undefined) {
    throw new InputError([`augment: resized-crop needs pictures, got ${name}; known: images:DIR, or crop and flip`]);
  }
  const image = new Float32Array(channels * height * width);
  return (epoch) => {
    const streams = randomStream(seed, "augment", epoch);
    return {
      ...dataset,
      loadImage(index, target, offset) {
        const draws = streams.substream(index);
        const flipped = asked.includes("flip") && draws.uniformAt(FLIP_DRAW) < 0.5;
        const cropped = asked.includes("crop");
        const top = cropped ? shiftAt(draws, TOP_DRAW) : 0;
        const left = cropped ? shiftAt(draws, LEFT_DRAW) : 0;
        if (boxes) loadBox?.(index, (h, w) => boxAt(draws, h, w), image, 0);
        else dataset.loadImage(index, image, 0);
        shift(image, dataset, { top, left, flipped }, target, offset);
      },
    };
  };
}

/** Where the crop begins, from −PADDING to PADDING, each equally likely. */
function shiftAt(draws: RandomStream, draw: number): number {
  return Math.floor(draws.uniformAt(draw) * (2 * PADDING + 1)) - PADDING;
}

interface Shift {
  readonly top: number;
  readonly left: number;
  readonly flipped: boolean;
}

/** target [C, H, W] = `image` from (top, left) on, black where that is outside, then mirrored. */
function shift(
  image: Float32Array,
  shape: Dataset,
  { top, left, flipped }: Shift,
  target: Float32Array,
  offset: number,
) {
  const { channels, height, width, black } = shape;
  const step = flipped ? -1 : 1;
  for (let row = 0; row < channels * height; row++) {
    const channel = Math.floor(row / height);
    const y = (row % height) + top;
    const from = (channel * height + y) * width;
    let to = offset + row * width + (flipped ? width - 1 : 0);
    for (let x = left; x < left + width; x++, to += step) {
      target[to] = y >= 0 && y < height && x >= 0 && x < width ? image[from + x] : black[channel];
    }
  }
}

/** A box of random area and aspect inside a picture; the largest centred one within the allowed aspect where none fits. */
function boxAt(draws: RandomStream, pictureHeight: number, pictureWidth: number): Box {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const draw = BOX_DRAW + DRAWS_PER_ATTEMPT * attempt;
    const area = pictureHeight * pictureWidth * (AREA.low + (AREA.high - AREA.low) * draws.uniformAt(draw));
    const aspect = Math.exp((2 * draws.uniformAt(draw + 1) - 1) * Math.log(ASPECT));
    const width = Math.round(Math.sqrt(area * aspect));
    const height = Math.round(Math.sqrt(area / aspect));
    if (width < 1 || height < 1 || width > pictureWidth || height > pictureHeight) continue;
    const top = Math.floor(draws.uniformAt(draw + 2) * (pictureHeight - height + 1));
    const left = Math.floor(draws.uniformAt(draw + 3) * (pictureWidth - width + 1));
    return { top, left, height, width };
  }
  const height = Math.min(pictureHeight, Math.round(pictureWidth * ASPECT));
  const width = Math.min(pictureWidth, Math.round(pictureHeight * ASPECT));
  return { top: Math.floor((pictureHeight - height) / 2), left: Math.floor((pictureWidth - width) / 2), height, width };
}
