/**
 * Cycles and buffer accesses of matrix products on systolic arrays, in closed form. A product is cut into folds of
 * rows × columns. Without overlap folds are strictly serial: each is filled, runs through and drains before the next one begins,
 * at full price even where it maps only a part of the array.
 *
 *          rows   columns   time t   cycles of a fold
 *     os   m      n         k        t + R + C − 2
 *     ws   k      n         m        t + 2R + C − 2     R cycles to load the stationary tile row by row
 *     is   k      m         n        t + 2R + C − 2
 *
 * With overlap a fold follows the one before it without a gap, while the tile of the next one is loaded (os: the results of the
 * last one are shifted out) into a second set of registers: max(t, R) cycles each but the last, and fill and drain once a product.
 * Several arrays take folds in turn, and wait for each other at the end of a product. Where that is faster, all folds are cut into
 * parts along the time (ws, is), each of which loads the stationary tile for itself.
 *
 * Of its cycles each processing element works in t, one after the other; all others are fill and drain. An element that maps
 * nothing is idle in those t: for want of a reduction element (lane padding: ws and is, rows without one in mapped columns),
 * or because the fold is no full set of results or columns, or its array has no fold left (imbalance).
 *
 * Sources: SCALE-Sim v3 fab89b7 (Samajdar et al.), without its extra writes of os; overlap after the double-buffered weight
 * tiles of the TPU (Jouppi et al., ISCA 2017); several arrays after the partitioning among cores of SCALE-Sim.
 */

/** What stays in the processing elements: outputs, the right matrix (weights), or the left one (inputs). */
export type Dataflow = "os" | "ws" | "is";

/** The arrays. */
export interface SystolicArray {
  /** 1 where not given. */
  readonly arrays?: number;
  readonly rows: number;
  readonly columns: number;
  readonly dataflow: Dataflow;
  /** False where not given. */
  readonly overlap?: boolean;
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
  /** Folds, or parts of them. */
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
  const { arrays = 1, rows, columns, dataflow, overlap = false } = array;
  const [onRows, onColumns, time] = dataflow === "os" ? [m, n, k] : dataflow === "ws" ? [k, n, m] : [k, m, n];
  const rowFolds = Math.ceil(onRows / rows);
  const columnFolds = Math.ceil(onColumns / columns);
  const schedule = scheduleOf(times * rowFolds * columnFolds, time, array);
  const { cycles, folds, parts } = schedule;
  const mapped = times * onRows * onColumns;
  const skew = skewOf(array);
  const fillDrain =
    rows * columns * (overlap ? (folds - Math.min(arrays, folds)) * schedule.gap + arrays * skew : folds * skew);
  const emptyRows = times * (rowFolds * rows - onRows) * onColumns;
  const lanePadding = dataflow === "os" ? 0 : emptyRows * time;
  counts.cycles += cycles;
  counts.fillDrain += fillDrain;
  counts.lanePadding += lanePadding;
  counts.imbalance += arrays * rows * columns * cycles - mapped * time - fillDrain - lanePadding;
  counts.folds += folds;
  counts.mappedPEs += mapped * parts;
  counts.busyPECycles += mapped * time;
  // What stays is read once a part; what streams is read once for each fold of the axis that it does not lie on.
  counts.leftReads += times * m * readK * (dataflow === "is" ? parts : columnFolds);
  counts.rightReads += times * k * n * (dataflow === "os" ? rowFolds : dataflow === "ws" ? parts : columnFolds);
  counts.writes += times * m * n * (dataflow === "os" ? 1 : rowFolds);
}

/** How the folds of a product run. */
interface Schedule {
  readonly cycles: number;
  /** Parts of each fold, and all of them. */
  readonly parts: number;
  readonly folds: number;
  /** Cycles by which a part is too short to hide the loading of the next one. */
  readonly gap: number;
}

/** The fastest schedule of `folds` folds of `time` cycles, with as few parts as it takes. */
function scheduleOf(folds: number, time: number, array: SystolicArray): Schedule {
  const { arrays = 1, rows, dataflow, overlap = false } = array;
  const skew = skewOf(array);
  // What os reduces over runs in time: parts would be partial sums.
  const mostParts = dataflow === "os" ? 1 : Math.min(arrays, time);
  let best: Schedule | undefined;
  for (let parts = 1; parts <= mostParts; parts++) {
    const length = Math.ceil(time / parts);
    const gap = Math.max(0, rows - length);
    const rounds = Math.ceil((folds * parts) / arrays);
    const cycles = overlap ? rounds * (length + gap) - gap + skew : rounds * (length + skew);
    if (best === undefined || cycles < best.cycles) best = { cycles, parts, folds: folds * parts, gap };
  }
  return best as Schedule;
}

/** Cycles in which values enter and results leave, beyond the time of a fold. */
function skewOf({ rows, columns, dataflow }: SystolicArray): number {
  return (dataflow === "os" ? 0 : rows) + rows + columns - 2;
}
