/**
 * Runs the lines of an operation through the pipeline, step group by step group as in `tile-dispatch.ts`. One schedule serves every
 * window, so that groups repeat: banks form a ring, and a group whose banks are those of another one turned by some
 * places feeds the same items. Each such group is made once; what differs is the state of the pipeline that it meets.
 */

import type { LineDetail, LineResult } from "../../../hardware/line-detail.ts";
import type { ArrayParams } from "../array-params.ts";
import type { LineJob } from "./line-jobs.ts";
import { Pipeline } from "./pipeline.ts";
import { type BankCounts, noCounts, type StepGroup, StepGroups } from "./step-group.ts";

/**
 * Runs `jobs`, one after the other; `streams` streams of images cost the same and follow one another, each from an empty
 * pipeline and followed by the postprocessing of its outputs.
 */
export function runLines(
  jobs: Iterable<LineJob>,
  { tiles, dealing }: ArrayParams,
  line: LineDetail,
  streams: number,
): LineResult {
  const pipeline = new Pipeline(line);
  const groups = new StepGroups(line);
  const counts = noCounts();
  let outputs = 0;
  for (const job of jobs) {
    if (job.lines === 0) continue;
    const { outer, inner } = job;
    outputs += itemsOf(outer) * outer.repeat * itemsOf(inner);
    const pairs = outer.sets * outer.repeat * inner.sets;
    const keyOf = groupKeys(job, line.activations.banks);
    const known = new Map<string, StepGroup>();
    // Where a group ends with its outer set, the pairs of one outer set are a row of their own.
    const row = dealing === "filters" ? inner.sets : pairs;
    for (let rowStart = 0; rowStart < pairs; rowStart += row) {
      for (let at = 0; at < row; at += tiles) {
        const [first, count] = [rowStart + at, Math.min(tiles, row - at)];
        const key = keyOf(first, count);
        let group = known.get(key);
        if (group === undefined) {
          group = groups.make(job, first, count);
          known.set(key, group);
        }
        for (const item of group.items) pipeline.feed(item);
        for (const name in counts) counts[name as keyof BankCounts] += streams * group.counts[name as keyof BankCounts];
      }
    }
  }
  const { inputs, cycles } = line.postProcessing;
  return {
    cycles: streams * (pipeline.finish() + Math.ceil(outputs / inputs) * cycles),
    computeCycles: streams * pipeline.computeCycles,
    counters: { ...counts },
  };
}

/** Items of one round of an axis. */
function itemsOf({ sets, size, last }: LineJob["outer"]): number {
  return (sets - 1) * size + last;
}

/** Names groups so that two of one name feed the same items: same inner sets, outer sets of the same layouts, turned alike. */
function groupKeys({ inner, layout }: LineJob, banks: number): (first: number, count: number) => string {
  const ids = new Map<string, number>();
  const known = new Map<number, { readonly id: number; readonly start: number }>();
  const layoutOf = (outerSet: number) => {
    let found = known.get(outerSet);
    if (found === undefined) {
      const { start, shape } = layout(outerSet);
      const id = ids.get(shape) ?? ids.size;
      ids.set(shape, id);
      found = { id, start };
      known.set(outerSet, found);
    }
    return found;
  };
  return (first, count) => {
    const firstOuter = Math.floor(first / inner.sets);
    const { id, start } = layoutOf(firstOuter);
    let key = `${first % inner.sets} ${count} ${id}`;
    const lastOuter = Math.floor((first + count - 1) / inner.sets);
    for (let outerSet = firstOuter + 1; outerSet <= lastOuter; outerSet++) {
      const other = layoutOf(outerSet);
      key += ` ${other.id} ${(other.start - start + banks) % banks}`;
    }
    return key;
  };
}
