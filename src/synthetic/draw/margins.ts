/** Scales drawn values so that the largest of them are as many in each filter, channel, image and place as they were in a recorded step. */
import { sizeOf } from "../../core/geometry.ts";
import { topKThreshold } from "../../kernels/js/top-k.ts";
import type { FieldDensities } from "../patterns.ts";

/** Rounds of filters and channels; each is exact for one of them, and both soon agree. */
const ROUNDS = 4;

/**
 * Scales |values| of a weight [filters, channels, …], so that those above 1 have the given densities in each filter and channel: exactly in filters,
 * closely in channels.
 */
export function matchWeight(
  values: Float32Array,
  shape: readonly number[],
  filterDensities: Float64Array,
  channelDensities: Float64Array,
): void {
  const [filters, channels] = shape;
  const taps = sizeOf(shape.slice(2));
  for (let i = 0; i < values.length; i++) values[i] = Math.abs(values[i]);
  const scratch = new Float32Array(Math.max(filters, channels) * taps);
  for (let round = 0; round < ROUNDS; round++) {
    for (let c = 0; c < channels; c++) {
      scale(
        values,
        { start: c * taps, runs: filters, stride: channels * taps, run: taps },
        channelDensities[c],
        scratch,
      );
    }
    for (let k = 0; k < filters; k++) {
      scale(
        values,
        { start: k * channels * taps, runs: 1, stride: 0, run: channels * taps },
        filterDensities[k],
        scratch,
      );
    }
  }
}

/**
 * Scales values ≥ 0 of an activation [images, channels, …], so that those above 1 have the given densities: exactly in channels,
 * closely in images and in places, as far as there are as many of them.
 */
export function matchField(values: Float32Array, shape: readonly number[], densities: FieldDensities): void {
  const [images, channels] = shape;
  const pixels = sizeOf(shape.slice(2));
  const scratch = new Float32Array(Math.max(images * pixels, channels * pixels, images * channels));
  const axes: readonly (readonly [Float64Array, (index: number) => Part])[] = [
    [densities.places, (p) => ({ start: p, runs: images * channels, stride: pixels, run: 1 })],
    [densities.images, (n) => ({ start: n * channels * pixels, runs: 1, stride: 0, run: channels * pixels })],
    [densities.channels, (c) => ({ start: c * pixels, runs: images, stride: channels * pixels, run: pixels })],
  ];
  const sizes = [pixels, images, channels];
  const known = axes.filter(([wanted], axis) => wanted.length === sizes[axis] && wanted.length > 1);
  for (let round = 0; round < (known.length > 1 ? ROUNDS : 1); round++) {
    for (const [wanted, part] of known) {
      for (const [index, density] of wanted.entries()) scale(values, part(index), density, scratch);
    }
  }
}

/** Elements that belong together: `runs` of `run` neighbours. */
interface Part {
  readonly start: number;
  readonly runs: number;
  readonly stride: number;
  readonly run: number;
}

/** Of a part that keeps nothing, the largest value. */
const BELOW = 0.5;

function scale(values: Float32Array, { start, runs, stride, run }: Part, density: number, scratch: Float32Array): void {
  for (let i = 0; i < runs; i++) scratch.set(values.subarray(start + i * stride, start + i * stride + run), i * run);
  const size = runs * run;
  const count = Math.round(density * size);
  const inside = topKThreshold(scratch, size, Math.max(1, count));
  const outside = count < 1 || count >= size ? inside : topKThreshold(scratch, size, count + 1);
  const middle = (inside + outside) / 2;
  if (!(middle > 0)) return;
  const factor = count < 1 ? BELOW / inside : 1 / (count >= size ? inside * (1 - 1e-6) : middle);
  for (let i = 0; i < runs; i++) {
    const from = start + i * stride;
    for (let j = from; j < from + run; j++) values[j] *= factor;
  }
}
