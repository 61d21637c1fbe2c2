/**
 * What a trainer needs of a data set: images by index as normalised floats, and their labels. Sets that are stored as
 * bytes keep them as bytes; a table of 256 floats for each channel does conversion and normalisation in one step.
 */

/** A rectangle of a picture, in pixels from its upper left corner; fractions are allowed. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The pictures of one class: names in the folder `path`, sorted. */
export interface ClassFiles {
  readonly path: string;
  readonly names: readonly string[];
}

/** A set of pictures as plain data. */
export interface PictureFiles {
  readonly classes: readonly ClassFiles[];
  readonly side: number;
}

/** Labelled images [channels, height, width] of one split. */
export interface Dataset {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  /** Number of images. */
  readonly size: number;
  /** Writes image `index`, normalised, as [C, H, W] into target[offset …]. */
  loadImage(index: number, target: Float32Array, offset: number): void;
  /** Class of image `index`, 0 … classes − 1. */
  label(index: number): number;
  /** What a pixel of value 0 is after normalisation, one for each channel: what padding fills in. */
  readonly black: readonly number[];
  /** What another thread makes the same set of; only sets of pictures have it, as only they take long to load. */
  readonly pictures?: PictureFiles;
  /** As `loadImage`, of the box that `choose` takes from the picture before it is resized; only sets of pictures have it. */
  loadBox?(index: number, choose: (height: number, width: number) => Box, target: Float32Array, offset: number): void;
}

/** The two splits of a data set; their image shapes are equal. */
export interface DataSplits {
  readonly name: string;
  readonly train: Dataset;
  readonly test: Dataset;
}

/** Mean and standard deviation of each channel, of pixel values in 0 … 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Images stored as bytes: image i is bytes[first + i · stride …], [C, H, W]. */
export interface ByteImages {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  readonly bytes: Uint8Array;
  readonly first: number;
  readonly stride: number;
  readonly labels: Uint8Array;
}

/** The data set over `images`, one for each label. */
export function byteDataset(images: ByteImages, normalization: Normalization): Dataset {
  const { name, channels, height, width, classes, bytes, first, stride, labels } = images;
  const pixels = height * width;
  const tables = Array.from({ length: channels }, (_, channel) => normalizationTable(normalization, channel));
  return {
    name,
    channels,
    height,
    width,
    classes,
    size: labels.length,
    black: tables.map((table) => table[0]),
    label: (index) => labels[index],
    loadImage(index, target, offset) {
      let from = first + index * stride;
      let to = offset;
      for (const table of tables) {
        for (let pixel = 0; pixel < pixels; pixel++) target[to++] = table[bytes[from++]];
      }
    },
  };
}

/** The first `limit` images of `dataset`; all of them where there are fewer. */
export function firstImages(dataset: Dataset, limit: number): Dataset {
  return { ...dataset, size: Math.min(dataset.size, limit) };
}

function normalizationTable(normalization: Normalization, channel: number): Float32Array {
  const mean = normalization.mean[channel];
  const std = normalization.std[channel];
  return Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
}
