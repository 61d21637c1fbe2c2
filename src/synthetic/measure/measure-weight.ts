/** Measures a recorded weight in the terms of the synthetic ones (../patterns.ts), by the moments that they decide. */
import type { BitMask } from "../../core/bit-mask.ts";
import type { WeightPattern } from "../patterns.ts";
import { type CellCounts, cellCounts, shrinkage, variance, varianceParts } from "./cells.ts";
import { normalCdf, normalNodes, rootOf } from "./normal.ts";

/** What a weight tells: spreads as standard deviations, and scales of filters and channels. */
export interface MeasuredWeight extends WeightPattern {
  readonly filterSpread: number;
  readonly channelSpread: number;
  readonly filters: Float64Array;
  readonly channels: Float64Array;
}

const NODES = normalNodes(24);
const MAX_SPREAD = 3;
const FIT_STEPS = 30;
const CLOSE = 1e-4;
const LEAST_TELLING = 0.005;
/** log |z| lies between these. */
const [LOWEST, HIGHEST] = [-12, 3];

/**
 * The spreads of scales with which top-k gives the variance that the mask's density has over filters, over input channels and over
 * slices, beyond chance, and the scale of each filter and channel. Null for a weight that is dense or nearly so.
 */
export function weightPattern(mask: BitMask): MeasuredWeight | null {
  const counts = cellCounts(mask);
  const taps = counts.size;
  const cells = counts.cells.map((count) => count / taps);
  const parts = varianceParts(cells, mask.shape[0]);
  const { mean, rows, columns } = parts;
  if (mean < LEAST_TELLING || mean > 1 - LEAST_TELLING) return null;
  const wanted = [rows, columns, taps > 1 ? sliceVariance(counts, mean) : rows + columns];
  let spreads = wanted.map((variance) => Math.sqrt(Math.max(0, variance)));
  spreads[2] = taps > 1 ? Math.sqrt(Math.max(0, wanted[2] - rows - columns)) : 0;
  let threshold = 0;
  for (let step = 0; step < FIT_STEPS; step++) {
    threshold = thresholdOf(mean, Math.hypot(...spreads));
    const total = Math.hypot(...spreads);
    const model = spreads.map((spread) => varianceOver(threshold, spread, Math.sqrt(total ** 2 - spread ** 2)));
    const all = varianceOver(threshold, total, 0);
    const rest = [rows, columns, Math.max(0, wanted[2] - rows - columns)];
    const own = [model[0], model[1], Math.max(0, all - model[0] - model[1])];
    const factors = rest.map((variance, i) => (variance > 0 && own[i] > 0 ? Math.sqrt(variance / own[i]) : 0));
    spreads = spreads.map((spread, i) => Math.min(MAX_SPREAD, spread * Math.min(2, factors[i])));
    if (factors.every((factor) => factor === 0 || Math.abs(factor - 1) < CLOSE)) break;
  }
  const [filterSpread, channelSpread, slices] = spreads;
  const scales = (means: Float64Array, part: number, spread: number) =>
    scalesOf(means, { mean, part, threshold, rest: Math.sqrt(Math.hypot(...spreads) ** 2 - spread ** 2) });
  return {
    ...{ filterSpread, channelSpread, slices },
    filters: scales(parts.rowMeans, rows, filterSpread),
    channels: scales(parts.columnMeans, columns, channelSpread),
    densities: { filters: parts.rowMeans, channels: parts.columnMeans },
  };
}

/** Variance that the densities of slices have beyond that of independent elements. */
function sliceVariance({ cells, size }: CellCounts, mean: number): number {
  const pairs = cells.reduce((sum, count) => sum + count * (count - 1), 0) / (cells.length * size * (size - 1));
  return pairs - mean * mean;
}

/** Probability that |z| exp(u) reaches exp(threshold). */
function kept(threshold: number, u: number): number {
  return 2 * normalCdf(-Math.exp(Math.min(threshold - u, HIGHEST)));
}

/** The same where u is normal around `u` with a standard deviation of `rest`. */
function keptAround(threshold: number, u: number, rest: number): number {
  if (rest === 0) return kept(threshold, u);
  let sum = 0;
  for (const z of NODES) sum += kept(threshold, u + rest * z);
  return sum / NODES.length;
}

function thresholdOf(density: number, spread: number): number {
  return rootOf((x) => density - keptAround(x, 0, spread), LOWEST - 3 * spread, HIGHEST + 3 * spread);
}

/** Variance over what has `spread` of the probability to be kept, where all else has `rest`. */
function varianceOver(threshold: number, spread: number, rest: number): number {
  if (spread === 0) return 0;
  const means = NODES.map((z) => keptAround(threshold, spread * z, rest));
  return variance(means);
}

/** How finely the table is made that scales are looked up in. */
const TABLE = 256;
const WIDEST = 6;

/** The scale that gives each its density, drawn towards the mean as far as chance has spread them. */
function scalesOf(
  means: Float64Array,
  { mean, part, threshold, rest }: { mean: number; part: number; threshold: number; rest: number },
): Float64Array {
  const shrink = shrinkage(means, part);
  const at = (i: number) => ((i / TABLE) * 2 - 1) * WIDEST;
  const table = Float64Array.from({ length: TABLE + 1 }, (_, i) => keptAround(threshold, at(i), rest));
  return means.map((density) => {
    const wanted = mean + shrink * (density - mean);
    let index = table.findIndex((value) => value >= wanted);
    if (index < 0) index = TABLE;
    if (index === 0) return at(0);
    const share = (wanted - table[index - 1]) / (table[index] - table[index - 1] || 1);
    return at(index - 1 + Math.min(1, share));
  });
}
