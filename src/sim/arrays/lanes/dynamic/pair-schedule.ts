/**
 * Two-sided scheduling: every processing element of a tile schedules the pairs of two nonzeros that the operand of its row
 * and that of its column make, line by line. The elements share the values and so advance together: a line is skipped
 * when it is empty in all of them. Filters (weightGrad: output channels) lie on the rows, the inner loop.
 * Source: TensorDash (MICRO 2020), where a processing element by itself extracts both sides, a tile only one.
 */

import { copyCost, createSetCosts, type SetCosts } from "../schedule/set-costs.ts";
import { itself, type SetsAlike, setRecorder } from "../schedule/set-recorder.ts";
import type { PairSchedules } from "../schedule/side-by-side.ts";
import { dispatchPairs, type SetAxis } from "../tile-dispatch.ts";
import type { DynamicRun } from "./dynamic-run.ts";

/** Writes the `live` items of a set into a cleared buffer, word [line · size + item]. */
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
  /** Sets of the columns that hold the same, and sets of the rows. */
  readonly alikeOuter: SetsAlike;
  readonly alikeInner: SetsAlike;
}

/** Sets of columns whose costs are remembered: those that differ only at the rim of an image without a zero are few. */
const REMEMBERED = 32;

/**
 * Schedules every pair of sets of `job` and dispatches them to the tiles, `times` times. A narrower set is filled up with items
 * without a nonzero.
 */
export function schedulePairs(run: DynamicRun, job: PairJob, times = 1): void {
  const { outer, inner, lines, alikeOuter, alikeInner } = job;
  const { lookahead, tiles, dealing } = run.params;
  // Dense weights make all pairs of an outer set cost the same: found out once.
  const kinds: Int32Array[] = [];
  const kindOf = new Int32Array(inner.sets);
  for (let set = 0; set < inner.sets; set++) {
    const known = alikeInner(set);
    if (known < set) kindOf[set] = kindOf[known];
    else {
      const buffer = new Int32Array(lines * inner.size);
      job.loadInner(set, liveItems(inner, set), buffer);
      if (set === 0 || !equalWords(buffer, kinds[0])) kindOf[set] = kinds.push(buffer) - 1;
    }
  }
  const schedule = run.scheduler?.vectors?.pairs(lines, inner.size, outer.size, kinds) ?? oneByOne(run, job, kinds);

  const columns = new Int32Array(lines * outer.size);
  const remembered: { readonly columns: Int32Array; readonly costs: SetCosts }[] = [];
  let replaced = 0;
  /** Costs of sets beside outer sets that others are known to be like. */
  const told = new Map<number, SetCosts>();
  const costsOf = (outerSet: number): SetCosts => {
    const like = alikeOuter(outerSet);
    const before = told.get(like);
    if (before !== undefined) return before;
    columns.fill(0);
    job.loadOuter(outerSet, liveItems(outer, outerSet % outer.sets), columns);
    const known = remembered.find((other) => equalWords(other.columns, columns));
    if (known !== undefined) return known.costs;
    const isKept = alikeOuter !== itself;
    if (isKept || remembered.length < REMEMBERED) {
      const costs = createSetCosts(inner.sets, lines, lookahead);
      if (isKept) told.set(like, costs);
      else remembered.push({ columns: new Int32Array(columns.length), costs });
    }
    const costs = told.get(like) ?? remembered[replaced].costs;
    if (!isKept) {
      remembered[replaced].columns.set(columns);
      replaced = (replaced + 1) % REMEMBERED;
    }
    schedule(columns, costs);
    // Downwards, as those of a kind are not before it.
    if (kinds.length < inner.sets) for (let set = inner.sets - 1; set > 0; set--) copyCost(costs, kindOf[set], set);
    return costs;
  };
  const dispatch = { outer, inner, costs: costsOf, tiles, dealing, carrySkip: true };
  dispatchPairs({ ...dispatch, scheduled: "pairs", isRepeated: alikeOuter !== itself }, run.totals, times);
}

function liveItems(axis: SetAxis, set: number): number {
  return set === axis.sets - 1 ? axis.last : axis.size;
}

function equalWords(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Schedules pairs where they do not fit side by side. */
function oneByOne(run: DynamicRun, { outer, inner, lines }: PairJob, sets: readonly Int32Array[]): PairSchedules {
  const { lookahead, lanes } = run.params;
  const size = inner.size * outer.size;
  const pairs = new Int32Array((lines + lookahead) * size);
  return (columns, costs) => {
    const recorder = setRecorder(run.scheduler, lanes, costs);
    sets.forEach((rows, set) => {
      join({ words: rows, count: inner.size }, { words: columns, count: outer.size }, lines, pairs);
      recorder.add(set, pairs, size);
    });
    recorder.finish();
  };
}

/** Words of a set, `count` a line. */
interface LineWords {
  readonly words: Int32Array;
  readonly count: number;
}

/** Writes the conjunctions of all rows and columns of each line, word [(line · rowCount + row) · columnCount + column]. */
function join(row: LineWords, column: LineWords, lines: number, pairs: Int32Array): void {
  const { words: rows, count: rowCount } = row;
  const { words: columns, count: columnCount } = column;
  let at = 0;
  for (let t = 0; t < lines; t++) {
    for (let r = t * rowCount; r < (t + 1) * rowCount; r++) {
      for (let c = t * columnCount; c < (t + 1) * columnCount; c++, at++) pairs[at] = rows[r] & columns[c];
    }
  }
}
