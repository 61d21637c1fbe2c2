/**
 * Search map of a lane buffer: from which later (line, lane) a zero slot may take a value, in order of priority.
 * Shape "L" looks aside in one direction of the next line, shape "T" in both directions of every line ahead.
 * Source: DNNsim, whose Bit-Tactical and TensorDash share it.
 */

/** Shapes of the search map. */
export type SearchShape = "L" | "T";

/** `ahead` lines later, `aside` lanes further on the ring of lanes. */
export interface Offset {
  readonly ahead: number;
  readonly aside: number;
}

/** Offsets in order of priority: nearest line first, then smallest lane offset. Empty without look-ahead. */
export function searchMap(shape: SearchShape, lookahead: number, lookaside: number): Offset[] {
  if (lookahead === 0) return [];
  const offsets: Offset[] = [];
  for (let ahead = 1; ahead <= lookahead; ahead++) offsets.push({ ahead, aside: 0 });
  for (let i = 0; i < lookaside; i++) {
    if (shape === "L") {
      offsets.push({ ahead: 1, aside: -(i + 1) });
    } else {
      // Entries come in pairs (+d, −d) that move one line and one lane further each time, the line wrapping to 1.
      const pair = i >> 1;
      offsets.push({ ahead: (pair % lookahead) + 1, aside: i % 2 === 0 ? pair + 1 : -(pair + 1) });
    }
  }
  return offsets.sort((a, b) => a.ahead - b.ahead || a.aside - b.aside);
}

/** Parameters that decide a search map. */
export interface SearchParams {
  readonly lanes: number;
  readonly lookahead: number;
  readonly lookaside: number;
  readonly shape: SearchShape;
  /** [ahead, aside] in order of priority, in place of shape and lookaside; those beyond the lookahead are out of reach. */
  readonly offsets?: readonly (readonly [number, number])[];
}

/** The search map of a machine, ready for inner loops. */
export function searchMapOf({ lanes, lookahead, lookaside, shape, offsets }: SearchParams): LaneMap {
  const listed = offsets?.map(([ahead, aside]) => ({ ahead, aside })).filter(({ ahead }) => ahead <= lookahead);
  return { ...laneMap(listed ?? searchMap(shape, lookahead, lookaside), lanes), lookahead };
}

/** A search map resolved for a number of lanes, in flat arrays for inner loops. */
export interface LaneMap {
  readonly lanes: number;
  readonly lookahead: number;
  /** Offsets in order of priority. */
  readonly size: number;
  readonly ahead: Int32Array;
  /** Lane offset of each entry as a rotation, 0 ≤ turn < lanes. */
  readonly turn: Int32Array;
}

/** Resolves `offsets` for a ring of `lanes` lanes. */
export function laneMap(offsets: readonly Offset[], lanes: number): LaneMap {
  let lookahead = 0;
  for (const { ahead } of offsets) lookahead = Math.max(lookahead, ahead);
  return {
    lanes,
    lookahead,
    size: offsets.length,
    ahead: Int32Array.from(offsets, ({ ahead }) => ahead),
    turn: Int32Array.from(offsets, ({ aside }) => ((aside % lanes) + lanes) % lanes),
  };
}
