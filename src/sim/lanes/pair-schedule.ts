/**
 * Two-sided scheduling: every processing element of a tile schedules the pairs of two nonzeros that the operand of its row
 * and that of its column make, line by line. The elements share the values and so advance together: a line is skipped
 * when it is empty in all of them. Filters (weightGrad: output channels) lie on the rows, the inner loop.
 * Source: TensorDash (MICRO 2020), where a processing element by itself extracts both sides, a tile only one.
 */
import { dealPairs, type SetAxis } from "./dealing.ts";
import type { DynamicRun } from "./dynamic-run.ts";
import { copyCost, createSetCosts } from "./set-costs.ts";
import { setRecorder } from "./set-recorder.ts";

/** Writes the `live` items of a set into `buffer`, word [line · live + item]; the buffer holds what was there before. */
type LoadSet = (set: number, live: number, buffer: Int32Array) => void;

/** All items of the columns meet all items of the rows. */
export interface PairJob {
  readonly outer: SetAxis;
  readonly inner: SetAxis;
  readonly lines: number;
  /** Loads a set of the columns; sets run on through the repeats of their axis. */
  readonly loadOuter: LoadSet;
  /** Loads a set of the rows. */
  readonly loadInner: LoadSet;
}

/** Schedules every pair of sets of `job` and deals them to the tiles. */
export function schedulePairs(run: DynamicRun, job: PairJob): void {
  const { outer, inner, lines } = job;
  const { lookahead, tiles, dealing } = run.params;
  const costs = createSetCosts(inner.sets, lines, lookahead);
  const columns = new Int32Array(lines * outer.size);
  const rows = Array.from({ length: inner.sets }, (_, set) => {
    const live = liveItems(inner, set);
    const buffer = new Int32Array(lines * live);
    job.loadInner(set, live, buffer);
    return buffer;
  });
  // Dense weights make all pairs of an outer set cost the same: found out once.
  const isLikeFirst = rows.map((buffer, set) => set > 0 && equalWords(buffer, rows[0]));
  const likeFirst = [...rows.keys()].filter((set) => isLikeFirst[set]);
  const others = [...rows.keys()].filter((set) => !isLikeFirst[set]);
  const pairs = new Int32Array((lines + lookahead) * inner.size * outer.size);
  const recorder = setRecorder(run.scheduler, run.params.lanes, costs);
  const enter = (outerSet: number): void => {
    const outerLive = liveItems(outer, outerSet % outer.sets);
    job.loadOuter(outerSet, outerLive, columns);
    for (const set of others) {
      const innerLive = liveItems(inner, set);
      join(rows[set], innerLive, columns, outerLive, lines, pairs);
      recorder.add(set, pairs, innerLive * outerLive);
    }
    recorder.finish();
    for (const set of likeFirst) copyCost(costs, 0, set);
  };
  dealPairs({ outer, inner, scheduled: "pairs", costs, enter, tiles, dealing, carrySkip: true }, run.totals);
}

function liveItems(axis: SetAxis, set: number): number {
  return set === axis.sets - 1 ? axis.last : axis.size;
}

function equalWords(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

/** Writes the conjunctions of all rows and columns of each line, word [(line · rowCount + row) · columnCount + column]. */
function join(
  rows: Int32Array,
  rowCount: number,
  columns: Int32Array,
  columnCount: number,
  lines: number,
  pairs: Int32Array,
): void {
  let at = 0;
  for (let t = 0; t < lines; t++) {
    for (let r = t * rowCount; r < (t + 1) * rowCount; r++) {
      for (let c = t * columnCount; c < (t + 1) * columnCount; c++, at++) pairs[at] = rows[r] & columns[c];
    }
  }
}
