/** Dispatches the pieces of a sweep to its threads, so that few of them have to open or draw the same trace and none is idle. */
import type { PlannedPoint } from "./points.ts";

/** Points of one trace that a thread is sent at once. */
export type Piece = readonly PlannedPoint[];

/**
 * What gives a thread its next piece, undefined when all are dispatched. A thread stays with the trace of its last piece; where that has
 * none left it goes to one that nobody has begun, or else helps with the one that has most left.
 */
export function pieceDispatcher(pieces: Iterable<Piece>): (last: Piece | undefined) => Piece | undefined {
  const waiting = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const [{ trace }] = piece;
    const ofTrace = waiting.get(trace);
    if (ofTrace === undefined) waiting.set(trace, [piece]);
    else ofTrace.push(piece);
  }
  for (const ofTrace of waiting.values()) ofTrace.reverse();
  const begun = new Set<string>();
  const choose = (): string | undefined => {
    let most: string | undefined;
    for (const [trace, { length }] of waiting) {
      if (!begun.has(trace)) return trace;
      if (most === undefined || length > (waiting.get(most)?.length ?? 0)) most = trace;
    }
    return most;
  };
  return (last) => {
    const trace = last !== undefined && waiting.has(last[0].trace) ? last[0].trace : choose();
    if (trace === undefined) return undefined;
    begun.add(trace);
    const ofTrace = waiting.get(trace) as Piece[];
    const piece = ofTrace.pop();
    if (ofTrace.length === 0) waiting.delete(trace);
    return piece;
  };
}
