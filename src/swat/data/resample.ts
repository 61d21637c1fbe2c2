/**
 * Resizes a box of a picture: bilinear, and where it shrinks, with the triangle widened by the scale so that every pixel
 * counts (Pillow's `resize(BILINEAR, box=…)`, what torchvision does to pictures), but without rounding to bytes between.
 */
import type { Box } from "./dataset.ts";
import type { Picture } from "./picture.ts";

const CHANNELS = 3;

/** The source pixels that make one output pixel: `weights` of `first`, first + 1, … */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Writes `box` of `picture` as [3, height, width], values 0 … 255, into target[offset …]. */
export function resample(
  picture: Picture,
  box: Box,
  [height, width]: readonly [number, number],
  target: Float32Array,
  offset: number,
): void {
  const across = tapsOf(box.left, box.width, picture.width, width);
  const down = tapsOf(box.top, box.height, picture.height, height);
  const firstRow = down[0].first;
  const lastTaps = down[height - 1];
  const rows = squeezeRows(picture, firstRow, lastTaps.first + lastTaps.weights.length, across);
  const rowLength = CHANNELS * width;
  let to = offset;
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (const { first, weights } of down) {
      for (let x = 0; x < width; x++) {
        let from = (first - firstRow) * rowLength + channel * width + x;
        let sum = 0;
        for (let i = 0; i < weights.length; i++, from += rowLength) sum += weights[i] * rows[from];
        target[to++] = sum;
      }
    }
  }
}

/** Rows [firstRow, endRow) of the picture, resized across: [rows, 3, width]. */
function squeezeRows(picture: Picture, firstRow: number, endRow: number, across: readonly Taps[]): Float32Array {
  const { bytes, step } = picture;
  const rows = new Float32Array((endRow - firstRow) * CHANNELS * across.length);
  let to = 0;
  for (let y = firstRow; y < endRow; y++) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      for (const { first, weights } of across) {
        let from = (y * picture.width + first) * step + channel;
        let sum = 0;
        for (let i = 0; i < weights.length; i++, from += step) sum += weights[i] * bytes[from];
        rows[to++] = sum;
      }
    }
  }
  return rows;
}

/** Taps of `count` output pixels over [start, start + length) of a side with `extent` pixels; weights of each sum to 1. */
function tapsOf(start: number, length: number, extent: number, count: number): Taps[] {
  const scale = length / count;
  const support = Math.max(1, scale);
  return Array.from({ length: count }, (_, index) => {
    const centre = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const end = Math.min(extent, Math.floor(centre + support + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, i) =>
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / support),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
