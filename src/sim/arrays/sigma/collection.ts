/**
 * The collecting bus and the write queue behind it. A result that is ready in a cycle is taken by its line in that cycle or
 * later, one a line and cycle; the buffer sees it in the next cycle and stores all or half of what waits. Results are kept as
 * counts by cycle, so that the cost is that of the cycles, not of the order in which results queue.
 * Source: STONNE 22634b8b.
 */
import type { BusRules } from "./network-params.ts";

/** Collects the results of one iteration or tile; every method is O(cycles spanned). */
export interface Collection {
  /** Notes one result that is ready for the line being filled in `cycle`. */
  ready(cycle: number): void;
  /** Lets a line (or a pool of them) take what was noted since the last call, `capacity` results a cycle. */
  closeLine(capacity: number): void;
  /** Cycle in which the last result is stored. */
  end(drain: BusRules["drain"]): number;
}

/** An empty collection; `cycles` bounds the cycle in which the last result reaches the buffer. */
export function createCollection(cycles: number): Collection {
  const waiting = new Int32Array(cycles + 1);
  const arrivals = new Int32Array(cycles + 2);
  let first = cycles;
  let last = -1;
  let lastArrival = 0;
  return {
    ready(cycle) {
      waiting[cycle]++;
      if (cycle < first) first = cycle;
      if (cycle > last) last = cycle;
    },
    closeLine(capacity) {
      let backlog = 0;
      let at = first;
      for (; at <= last || backlog > 0; at++) {
        backlog += waiting[at];
        waiting[at] = 0;
        const taken = Math.min(capacity, backlog);
        backlog -= taken;
        arrivals[at + 1] += taken;
        if (taken > 0 && at + 1 > lastArrival) lastArrival = at + 1;
      }
      first = cycles;
      last = -1;
    },
    end(drain) {
      if (drain === "full") return lastArrival;
      let queue = 0;
      for (let at = 0; at <= lastArrival; at++) queue = (queue + arrivals[at]) >> 1;
      let end = lastArrival;
      for (; queue > 0; queue >>= 1) end++;
      return end;
    },
  };
}
