/**
 * N:M masks that hold along input channels and along output channels, so that the input gradient, which sums over output
 * channels, also reads n of every m weights (Hubara et al. 2021, "Accelerated Sparse Neural Training: A Provable and Efficient Method to Find N:M Transposable
 * Masks"). At each kernel position the matrix [K, C/groups] of a group is cut into m × m blocks, padded with zeros.
 */
import type { Floats } from "../../kernels/kernels.ts";
import type { NOfM } from "./n-of-m.ts";

/** How a block is solved: the largest Σ|w| of all patterns, or largest first, which reaches half of it at least. */
export const TRANSPOSABLE = ["none", "exact", "greedy"] as const;
/** Name of such a way; `none` of masks along input channels only. */
export type Transposable = (typeof TRANSPOSABLE)[number];

/** Largest m of which all patterns are tried: 90 for 2:4, and 297,200 for 3:6. */
export const MOST_EXACT_M = 4;

/** Marks in `kept` a transposable selection of weights [K, C/groups, R, S] of a convolution of `groups`. */
export function keepTransposable(
  weight: Floats,
  { shape, groups }: { readonly shape: readonly number[]; readonly groups: number },
  pattern: NOfM,
  mode: Exclude<Transposable, "none">,
  kept: Uint8Array,
): void {
  const [filters, channels, ...kernel] = shape;
  const positions = kernel.reduce((product, extent) => product * extent, 1);
  const perGroup = filters / groups;
  const { m } = pattern;
  const solve = mode === "exact" ? exactSolver(pattern) : greedySolver(pattern);
  const magnitudes = new Float64Array(m * m);
  const chosen = new Uint8Array(m * m);
  for (let first = 0; first < filters; first += perGroup) {
    for (let k = 0; k < perGroup; k += m) {
      for (let c = 0; c < channels; c += m) {
        const [rows, columns] = [Math.min(m, perGroup - k), Math.min(m, channels - c)];
        const from = ((first + k) * channels + c) * positions;
        for (let at = from; at < from + positions; at++) {
          magnitudes.fill(0);
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++)
              magnitudes[row * m + column] = Math.abs(weight[at + (row * channels + column) * positions]);
          }
          chosen.fill(0);
          solve(magnitudes, rows, columns, chosen);
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++)
              kept[at + (row * channels + column) * positions] = chosen[row * m + column];
          }
        }
      }
    }
  }
}

/** Marks cells of an m × m block, row-major, of which `rows` × `columns` at the upper left are no padding. */
type Solver = (magnitudes: Float64Array, rows: number, columns: number, chosen: Uint8Array) => void;

/** Tries all patterns; of equal sums, the first in lexicographic order of the column sets of the rows. */
function exactSolver(pattern: NOfM): Solver {
  const patterns = patternsOf(pattern);
  return (magnitudes, _rows, _columns, chosen) => {
    let best = patterns[0];
    let most = -1;
    for (let p = 0; p < patterns.length; p++) {
      const cells = patterns[p];
      let sum = 0;
      for (let i = 0; i < cells.length; i++) sum += magnitudes[cells[i]];
      if (!(sum > most)) continue;
      most = sum;
      best = cells;
    }
    for (let i = 0; i < best.length; i++) chosen[best[i]] = 1;
  };
}

/** The cells, row-major, of every m × m pattern with n ones in each row and column. */
export function patternsOf({ n, m }: NOfM): readonly Uint8Array[] {
  const rows = columnSets(n, m);
  const complete = (chosen: readonly (readonly number[])[]): readonly Uint8Array[] => {
    if (chosen.length === m) return [Uint8Array.from(chosen.flatMap((set, row) => set.map((c) => row * m + c)))];
    const used = (column: number) => chosen.filter((set) => set.includes(column)).length;
    return rows.filter((set) => set.every((column) => used(column) < n)).flatMap((set) => complete([...chosen, set]));
  };
  return complete([]);
}

/** The sets of n of m columns in lexicographic order. */
function columnSets(n: number, m: number, from = 0): number[][] {
  if (n === 0) return [[]];
  const firsts = Array.from({ length: m - from - n + 1 }, (_, i) => from + i);
  return firsts.flatMap((first) => columnSets(n - 1, m, first + 1).map((rest) => [first, ...rest]));
}

/** Takes the largest cell whose row and column still have room; rows may end with fewer than n. */
function greedySolver({ n, m }: NOfM): Solver {
  const inRow = new Int32Array(m);
  const inColumn = new Int32Array(m);
  const cells: number[] = [];
  return (magnitudes, rows, columns, chosen) => {
    inRow.fill(0);
    inColumn.fill(0);
    cells.length = 0;
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) cells.push(row * m + column);
    // The sort is stable, so that equal cells stay in row-major order.
    cells.sort((a, b) => magnitudes[b] - magnitudes[a]);
    for (const cell of cells) {
      const [row, column] = [Math.floor(cell / m), cell % m];
      if (inRow[row] >= n || inColumn[column] >= n) continue;
      inRow[row]++;
      inColumn[column]++;
      chosen[cell] = 1;
    }
  };
}
