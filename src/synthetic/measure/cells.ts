/** Counts of a mask by (filter or image, channel), and how much of their variance is not chance. */
import { type BitMask, getBit, sliceSize } from "../../core/bit-mask.ts";

/** Ones of each cell (outer slice, channel), row by row, and the elements of a cell. */
export interface CellCounts {
  readonly cells: Float64Array;
  readonly size: number;
}

/** Counts the ones of each cell; a tensor of one dimension has one channel. */
export function cellCounts(mask: BitMask): CellCounts {
  const [slices, channels = 1] = mask.shape;
  const cells = new Float64Array(slices * channels);
  const size = sliceSize(mask.shape) / channels;
  for (let cell = 0; cell < cells.length; cell++) {
    const [slice, from] = [Math.floor(cell / channels), (cell % channels) * size];
    for (let i = 0; i < size; i++) if (getBit(mask, slice, from + i)) cells[cell]++;
  }
  return { cells, size };
}

/** Components of the variance of a table. */
export interface VarianceParts {
  readonly mean: number;
  readonly rowMeans: Float64Array;
  readonly columnMeans: Float64Array;
  /** Variances of rows and of columns. */
  readonly rows: number;
  readonly columns: number;
}

/**
 * Variance components of a table of `rows` rows, one value a cell: what rows and columns have beyond the interaction, by
 * the mean squares of the two-way analysis of variance; never negative.
 */
export function varianceParts(cells: Float64Array, rows: number): VarianceParts {
  const columns = cells.length / rows;
  const rowMeans = new Float64Array(rows);
  const columnMeans = new Float64Array(columns);
  for (let i = 0; i < cells.length; i++) {
    rowMeans[Math.floor(i / columns)] += cells[i] / columns;
    columnMeans[i % columns] += cells[i] / rows;
  }
  const mean = rowMeans.reduce((sum, x) => sum + x, 0) / rows;
  let residual = 0;
  for (let i = 0; i < cells.length; i++) {
    residual += (cells[i] - rowMeans[Math.floor(i / columns)] - columnMeans[i % columns] + mean) ** 2;
  }
  const part = (means: Float64Array, others: number) => {
    if (means.length < 2) return 0;
    const chance = others < 2 ? 0 : residual / ((rows - 1) * (columns - 1)) / others;
    return Math.max(0, (variance(means) * means.length) / (means.length - 1) - chance);
  };
  return { mean, rowMeans, columnMeans, rows: part(rowMeans, columns), columns: part(columnMeans, rows) };
}

/** Of the population. */
export function variance(values: Float64Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
}

/** By what the deviations of `means` from `mean` are to be multiplied to have the variance `part`. */
export function shrinkage(means: Float64Array, part: number): number {
  const found = variance(means);
  return found > 0 ? Math.min(1, Math.sqrt(part / found)) : 0;
}
