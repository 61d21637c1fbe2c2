/** Records what sets cost as their buffers come in: eight side by side where that is possible, one by one elsewhere. */
import type { Scheduler } from "./line-walk.ts";
import { copyCost, recordCost, recordIdeal, recordPacked, type SetCosts } from "./set-costs.ts";
import { type SideBySide, STREAMS } from "./side-by-side.ts";

/** A schedule of one buffer, and of eight side by side where that is possible. */
export interface SetScheduler {
  readonly schedule: Scheduler;
  readonly vectors: SideBySide | null;
}

/** For each set one that is known to hold the same: itself, or one before it. */
export type SetsAlike = (set: number) => number;

/** Of sets that nothing is known of. */
export const itself: SetsAlike = (set) => set;

/** Takes the sets of one operand in any order. */
export interface SetRecorder {
  /** Takes the buffer of a set, of `rows` rows with room for the lookahead behind its lines; may overwrite it. */
  add(set: number, buffer: Int32Array, rows: number): void;
  /** Takes a set that holds the same as `other`. */
  repeat(set: number, other: number): void;
  /** Makes all costs final. */
  finish(): void;
}

/** Records into `costs`; without a scheduler, rows draw from queues of their own nonzeros. */
export function setRecorder(scheduler: SetScheduler | null, lanes: number, costs: SetCosts): SetRecorder {
  const repeats: number[] = [];
  const finish = () => {
    for (let i = 0; i < repeats.length; i += 2) copyCost(costs, repeats[i + 1], repeats[i]);
    repeats.length = 0;
  };
  const repeat = (set: number, other: number) => void repeats.push(set, other);
  const { lines, lookahead } = costs;
  const vectors = scheduler?.vectors ?? null;
  const one = (set: number, buffer: Int32Array, rows: number) => {
    buffer.fill(0, lines * rows, (lines + lookahead) * rows);
    recordIdeal(costs, set, buffer, rows, lanes);
    if (scheduler === null) {
      recordPacked(costs, set);
    } else {
      scheduler.schedule(buffer, lines, rows);
      recordCost(costs, set, buffer, rows);
    }
  };
  if (vectors === null) return { add: one, repeat, finish };

  const sets = new Int32Array(STREAMS);
  let streams: Int32Array[] = [];
  let pending = 0;
  let pendingRows = 0;
  const flush = () => {
    if (pending > 0) vectors.record(lines, pendingRows, costs, sets, pending);
    pending = 0;
  };
  return {
    add(set, buffer, rows) {
      if (!vectors.fits(lines, rows)) {
        one(set, buffer, rows);
        return;
      }
      if (pending === STREAMS || rows !== pendingRows) flush();
      if (rows !== pendingRows) streams = Array.from(sets, (_, index) => vectors.stream(lines, rows, index));
      pendingRows = rows;
      const size = lines * rows;
      const stream = streams[pending];
      for (let i = 0; i < size; i++) stream[i] = buffer[i];
      sets[pending++] = set;
    },
    repeat,
    finish() {
      flush();
      finish();
    },
  };
}
