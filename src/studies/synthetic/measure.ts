/** Measures a recorded mask in the terms of the synthetic ones (settings.ts), by the moments that they decide. */
import { type BitMask, getBit, sliceSize } from "../../kernels/bit-mask.ts";
import { inverseNormal } from "../../kernels/random.ts";
import { bothAbove, normalCdf, normalNodes, rootOf } from "./normal.ts";
import type { SyntheticSettings } from "./settings.ts";

/** What a weight tells. */
export type WeightPattern = Pick<SyntheticSettings, "filterSpread" | "channelSpread">;
/** What an activation tells. */
export type ActivationPattern = Pick<SyntheticSettings, "offsets" | "common" | "correlation">;

const NODES = normalNodes(16);
const MAX_SPREAD = 3;
const MAX_THRESHOLD = 60;
const FIT_STEPS = 20;
const CLOSE = 1e-4;
const LEAST_TELLING = 0.01;

/**
 * The spreads of scales with which top-k gives the variance that the mask's density has over filters, and over input
 * channels, beyond chance. Null for a weight that is dense or nearly so.
 */
export function weightPattern(mask: BitMask): WeightPattern | null {
  const cells = densities(mask);
  const { mean, rows, columns } = varianceParts(cells, mask.shape[0]);
  if (!tells(mean)) return null;
  let [filterSpread, channelSpread] = [rows, columns].map((variance) => (variance > 0 ? Math.sqrt(variance) : 0));
  for (let step = 0; step < FIT_STEPS; step++) {
    const model = keptVariances(mean, filterSpread, channelSpread);
    const factors = [rows / model.rows, columns / model.columns].map((ratio) => (ratio > 0 ? Math.sqrt(ratio) : 0));
    filterSpread = Math.min(MAX_SPREAD, filterSpread * (model.rows > 0 ? factors[0] : 0));
    channelSpread = Math.min(MAX_SPREAD, channelSpread * (model.columns > 0 ? factors[1] : 0));
    if (factors.every((factor) => Math.abs(factor - 1) < CLOSE)) break;
  }
  return { filterSpread, channelSpread };
}

/** Variances over filters and channels of the probability that top-k of density `mean` keeps a weight. */
function keptVariances(mean: number, filterSpread: number, channelSpread: number): { rows: number; columns: number } {
  const kept = (a: number, b: number, logThreshold: number) =>
    2 * normalCdf(-Math.exp(logThreshold - filterSpread * a - channelSpread * b));
  const overall = (logThreshold: number) => {
    let sum = 0;
    for (const a of NODES) for (const b of NODES) sum += kept(a, b, logThreshold);
    return sum / NODES.length ** 2;
  };
  const limit = Math.log(MAX_THRESHOLD) * (1 + filterSpread + channelSpread);
  const threshold = rootOf((x) => mean - overall(x), -limit, limit);
  const table = Float64Array.from({ length: NODES.length ** 2 }, (_, i) =>
    kept(NODES[Math.floor(i / NODES.length)], NODES[i % NODES.length], threshold),
  );
  const { rowMeans, columnMeans } = margins(table, NODES.length);
  return { rows: variance(rowMeans), columns: variance(columnMeans) };
}

/**
 * The correlations of the fields before the ReLU that give the mask the joint probabilities that it has: of two elements
 * of a channel anywhere, of neighbouring pixels, of two channels at a pixel. Null for a mask that is dense or nearly so; `correlation` is null
 * where an image has one pixel, `common` where it has one channel.
 */
export function activationPattern(mask: BitMask): { [Key in keyof ActivationPattern]: number | null } | null {
  const [images, channels, height = 1, width = 1] = mask.shape;
  const { mean, columns, columnMeans } = varianceParts(densities(mask), images);
  if (!tells(mean)) return null;
  const t = -inverseNormal(mean);
  const latent = (covariance: number) =>
    covariance <= 0 ? 0 : rootOf((r) => bothAbove(t, r) - mean * mean - covariance, 0, 1);
  const offsets = latent(columns);
  const rest = 1 - offsets;
  const pixels = height * width;
  let [pairs, both, squares] = [0, 0, 0];
  for (let image = 0; image < images; image++) {
    const at = new Uint16Array(pixels);
    for (let channel = 0; channel < channels; channel++) {
      const bit = (pixel: number) => (getBit(mask, image, channel * pixels + pixel) ? 1 : 0);
      for (let pixel = 0; pixel < pixels; pixel++) {
        if (bit(pixel) === 0) continue;
        at[pixel]++;
        if ((pixel + 1) % width !== 0) both += bit(pixel + 1);
        if (pixel + width < pixels) both += bit(pixel + width);
      }
    }
    for (const count of at) squares += count * count;
    pairs += channels * (height * (width - 1) + (height - 1) * width);
  }
  const neighbours = latent(both / pairs - mean * mean);
  // Of ordered pairs of different channels: the sums of both products over all pairs, less those of a channel with itself.
  const together = squares / (images * pixels) - channels * mean;
  const apart = (channels * mean) ** 2 - columnMeans.reduce((sum, density) => sum + density ** 2, 0);
  return {
    offsets,
    common: channels < 2 ? null : Math.min(1, latent((together - apart) / (channels * (channels - 1))) / rest),
    correlation: pairs === 0 ? null : Math.max(0, neighbours - offsets) / rest,
  };
}

/** Densities from which something can be told: a dense layer that lost a few elements has no pattern. */
function tells(density: number): boolean {
  return density > LEAST_TELLING && density < 1 - LEAST_TELLING;
}

/** Density of each (outer slice, channel), row by row. */
function densities(mask: BitMask): Float64Array {
  const [slices, channels = 1] = mask.shape;
  const cells = new Float64Array(slices * channels);
  const size = sliceSize(mask.shape) / channels;
  for (let cell = 0; cell < cells.length; cell++) {
    const [slice, from] = [Math.floor(cell / channels), (cell % channels) * size];
    for (let i = 0; i < size; i++) if (getBit(mask, slice, from + i)) cells[cell]++;
    cells[cell] /= size;
  }
  return cells;
}

/**
 * Variance components of a table of `rows` rows, one value a cell: what rows and columns have beyond the interaction, by
 * the mean squares of the two-way analysis of variance; never negative.
 */
function varianceParts(cells: Float64Array, rows: number) {
  const columns = cells.length / rows;
  const { mean, rowMeans, columnMeans } = margins(cells, rows);
  let residual = 0;
  for (let i = 0; i < cells.length; i++) {
    residual += (cells[i] - rowMeans[Math.floor(i / columns)] - columnMeans[i % columns] + mean) ** 2;
  }
  const part = (means: Float64Array, others: number) => {
    if (means.length < 2) return 0;
    const chance = others < 2 ? 0 : residual / ((rows - 1) * (columns - 1)) / others;
    return Math.max(0, (variance(means) * means.length) / (means.length - 1) - chance);
  };
  return { mean, columnMeans, rows: part(rowMeans, columns), columns: part(columnMeans, rows) };
}

function margins(cells: Float64Array, rows: number) {
  const columns = cells.length / rows;
  const rowMeans = new Float64Array(rows);
  const columnMeans = new Float64Array(columns);
  for (let i = 0; i < cells.length; i++) {
    rowMeans[Math.floor(i / columns)] += cells[i] / columns;
    columnMeans[i % columns] += cells[i] / rows;
  }
  return { mean: rowMeans.reduce((sum, x) => sum + x, 0) / rows, rowMeans, columnMeans };
}

/** Of the population. */
function variance(values: Float64Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
}
