/**
 * Speed-ups of TensorDash's scheduler on i.i.d. masks, as another model of it, written from the paper and from DNNsim, has
 * measured them over 20,000 lines: the priority list that the paper publishes and the sorted one of DNNsim, one processing
 * element a row.
 */
import seedrandom from "seedrandom";
import { dynamicScheduler } from "../../src/sim/arrays/lanes/schedule/dynamic-schedule.ts";
import { type SearchParams, searchMapOf } from "../../src/sim/arrays/lanes/schedule/search-map.ts";
import { createSetCosts, recordCost } from "../../src/sim/arrays/lanes/schedule/set-costs.ts";
import { PUBLISHED_OFFSETS } from "../support/published-search.ts";

/** One row of the table. */
export interface IidCase {
  readonly order: string;
  readonly rows: number;
  readonly search: SearchParams;
  /** At each share of `IID_ZEROS`. */
  readonly speedups: readonly number[];
}

const SORTED: SearchParams = { lanes: 16, lookahead: 2, lookaside: 5, shape: "T" };
const published = (lookahead: number): SearchParams => ({ ...SORTED, lookahead, offsets: PUBLISHED_OFFSETS });

/** Shares of zeros. */
export const IID_ZEROS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
/** Largest relative deviation that counts as equal. */
export const IID_TOLERANCE = 0.01;

const table: readonly (readonly [string, number, SearchParams, readonly number[]])[] = [
  ["published order", 1, published(2), [1.099, 1.214, 1.354, 1.521, 1.727, 1.984, 2.325, 2.754, 2.982, 2.999, 3.0]],
  ["published order", 2, published(2), [1.091, 1.195, 1.323, 1.47, 1.654, 1.88, 2.161, 2.598, 2.966, 2.997, 3.0]],
  ["published order", 4, published(2), [1.083, 1.182, 1.297, 1.43, 1.595, 1.802, 2.044, 2.437, 2.939, 2.996, 3.0]],
  ["published order", 8, published(2), [1.078, 1.17, 1.277, 1.4, 1.551, 1.733, 1.971, 2.287, 2.882, 2.993, 3.0]],
  ["published order", 16, published(2), [1.074, 1.159, 1.259, 1.374, 1.515, 1.679, 1.925, 2.149, 2.786, 2.986, 3.0]],
  [
    "published order, depth 2",
    4,
    published(1),
    [1.057, 1.126, 1.206, 1.299, 1.408, 1.511, 1.691, 1.931, 1.998, 2.0, 2.0],
  ],
  ["sorted order", 1, SORTED, [1.111, 1.246, 1.406, 1.599, 1.817, 2.067, 2.38, 2.751, 2.975, 2.999, 3.0]],
  ["sorted order", 4, SORTED, [1.102, 1.223, 1.362, 1.52, 1.7, 1.909, 2.119, 2.477, 2.924, 2.994, 3.0]],
  ["sorted order", 16, SORTED, [1.096, 1.206, 1.33, 1.468, 1.622, 1.802, 1.984, 2.228, 2.752, 2.979, 3.0]],
];

/** The table. */
export const IID_CASES: readonly IidCase[] = table.map(([order, rows, search, speedups]) => ({
  order,
  rows,
  search,
  speedups,
}));

const LINES = 20_000;

/** What our scheduler gains on a mask with that share of zeros. */
export function iidSpeedup({ rows, search }: IidCase, zeros: number): number {
  const random = bulkRandom(`iid ${rows} ${zeros}`);
  const map = searchMapOf(search);
  const buffer = new Int32Array((LINES + map.lookahead) * rows);
  for (let at = 0; at < LINES * rows; at++) {
    for (let lane = 0; lane < search.lanes; lane++) if (random() >= zeros) buffer[at] |= 1 << lane;
  }
  const costs = createSetCosts(1, LINES, map.lookahead);
  dynamicScheduler(map, search.lookaside)(buffer, LINES, rows);
  recordCost(costs, 0, buffer, rows);
  return LINES / (costs.rest[0] + Math.floor(costs.leading[0] / (map.lookahead + 1)));
}

/** Largest relative deviation over the row. */
export function largestDeviation(one: IidCase): number {
  return Math.max(...IID_ZEROS.map((zeros, i) => Math.abs(iidSpeedup(one, zeros) / one.speedups[i] - 1)));
}

/** Marsaglia's xorshift32, for bulk draws in [0, 1); seedrandom only seeds it. */
function bulkRandom(seed: string): () => number {
  let state = seedrandom(seed).int32() | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
