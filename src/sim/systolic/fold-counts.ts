/**
 * Cycles and buffer accesses of matrix products on a systolic array, in closed form. A product is cut into folds of
 * rows × columns, and folds are strictly serial: each is filled, runs through and drains before the next one begins, at
 * full price even where it maps only a part of the array.
 *
 *          rows   columns   time t   cycles of a fold
 *     os   m      n         k        t + R + C − 2
 *     ws   k      n         m        t + 2R + C − 2     R cycles to load the stationary tile row by row
 *     is   k      m         n        t + 2R + C − 2
 *
 * Of its cycles each processing element works in t, one after the other; all others are fill and drain. An element that maps
 * nothing is idle in those t: for want of a reduction element (lane padding: ws and is, rows without one in mapped columns),
 * or because the fold is no full set of results or columns (imbalance).
 *
 * Source: SCALE-Sim v3 fab89b7 (Samajdar et al.), without its extra writes of os.
 */

/** What stays in the processing elements: outputs, the right matrix (weights), or the left one (inputs). */
export type Dataflow = "os" | "ws" | "is";

/** The array. */
export interface SystolicArray {
  readonly rows: number;
  readonly columns: number;
  readonly dataflow: Dataflow;
}

/** A matrix product [m, k] · [k, n]; `readK` values of the left matrix are read for each of the m rows and each pass over it. */
export interface Gemm {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly readK: number;
}

/** Sums over products. */
export interface FoldCounts {
  cycles: number;
  folds: number;
  /** Processing elements that have an element of the product, summed over folds. */
  mappedPEs: number;
  /** The same, times the cycles in which they multiply: the multiplications. */
  busyPECycles: number;
  /** Processing elements × cycles in which they wait for values to enter and results to leave. */
  fillDrain: number;
  lanePadding: number;
  imbalance: number;
  leftReads: number;
  rightReads: number;
  /** Results; ws and is write a partial sum for every fold of the reduction. */
  writes: number;
}

/** Counts of nothing. */
export function emptyFoldCounts(): FoldCounts {
  return {
    ...{ cycles: 0, folds: 0, mappedPEs: 0, busyPECycles: 0, fillDrain: 0, lanePadding: 0, imbalance: 0 },
    ...{ leftReads: 0, rightReads: 0, writes: 0 },
  };
}

/** Adds `times` runs of a product to `counts`. */
export function addFolds(gemm: Gemm, array: SystolicArray, times: number, counts: FoldCounts): void {
  const { m, n, k, readK } = gemm;
  const { rows, columns, dataflow } = array;
  const [onRows, onColumns, time] = dataflow === "os" ? [m, n, k] : dataflow === "ws" ? [k, n, m] : [k, m, n];
  const rowFolds = Math.ceil(onRows / rows);
  const columnFolds = Math.ceil(onColumns / columns);
  const folds = times * rowFolds * columnFolds;
  const load = dataflow === "os" ? 0 : rows;
  const mapped = times * onRows * onColumns;
  const skew = load + rows + columns - 2;
  const emptyRows = times * (rowFolds * rows - onRows) * onColumns;
  counts.cycles += folds * (time + skew);
  counts.fillDrain += folds * rows * columns * skew;
  counts.lanePadding += dataflow === "os" ? 0 : emptyRows * time;
  counts.imbalance += (folds * rows * columns - mapped - (dataflow === "os" ? 0 : emptyRows)) * time;
  counts.folds += folds;
  counts.mappedPEs += mapped;
  counts.busyPECycles += mapped * time;
  // What stays is read once; what streams is read once for each fold of the axis that it does not lie on.
  counts.leftReads += times * m * readK * (dataflow === "is" ? 1 : columnFolds);
  counts.rightReads += times * k * n * (dataflow === "os" ? rowFolds : dataflow === "ws" ? 1 : columnFolds);
  counts.writes += times * m * n * (dataflow === "os" ? 1 : rowFolds);
}
