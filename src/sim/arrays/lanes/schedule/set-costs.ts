/**
 * What each set of scheduled rows costs. A walk over the lines of a set skips up to `lookahead` zero lines in a row;
 * where the skip counter is carried from set to set, a set's cost depends on the count at its start. Only the zero lines at
 * its start do: with z of them, a start count s costs floor((s + z) / (lookahead + 1)) cycles there, the rest is fixed.
 * Source: DNNsim 4748a600 (Bit-Tactical) and its TensorDash of January 2020.
 */
import { popcount32 } from "../../../../core/bit-mask.ts";

/** Costs of the sets of one operand, by set. */
export interface SetCosts {
  /** Lines of every set before skipping. */
  readonly lines: number;
  readonly lookahead: number;
  /** Zero lines at the start of the set. */
  readonly leading: Int32Array;
  /** Cycles after the leading zero lines. */
  readonly rest: Int32Array;
  /** Skip count at the end of the set; −1 for a set of zero lines only, where it depends on the start. */
  readonly end: Int32Array;
  /** Cycles if every row of the set were packed perfectly. */
  readonly ideal: Int32Array;
  /** Nonzeros of the set, all rows together. */
  readonly nonzeros: Int32Array;
}

/** Costs of `sets` sets, yet to be recorded. */
export function createSetCosts(sets: number, lines: number, lookahead: number): SetCosts {
  return {
    lines,
    lookahead,
    leading: new Int32Array(sets),
    rest: new Int32Array(sets),
    end: new Int32Array(sets),
    ideal: new Int32Array(sets),
    nonzeros: new Int32Array(sets),
  };
}

/**
 * Records the bound of set `set`: the fullest row packed perfectly, or all lines where nothing can move.
 * To be called before the buffer is scheduled.
 */
export function recordIdeal(costs: SetCosts, set: number, buffer: Int32Array, rows: number, lanes: number): void {
  let most = 0;
  let total = 0;
  const size = costs.lines * rows;
  for (let r = 0; r < rows; r++) {
    let nonzeros = 0;
    for (let at = r; at < size; at += rows) nonzeros += popcount32(buffer[at]);
    total += nonzeros;
    if (nonzeros > most) most = nonzeros;
  }
  costs.nonzeros[set] = total;
  costs.ideal[set] = costs.lookahead === 0 ? costs.lines : Math.ceil(most / lanes);
}

/** Makes the bound of set `set` its cost: rows that draw from queues of nonzeros. To be called after `recordIdeal`. */
export function recordPacked(costs: SetCosts, set: number): void {
  costs.rest[set] = costs.ideal[set];
}

/** Makes the cost of set `from` that of set `to`, which holds the same. */
export function copyCost(costs: SetCosts, from: number, to: number): void {
  costs.leading[to] = costs.leading[from];
  costs.rest[to] = costs.rest[from];
  costs.end[to] = costs.end[from];
  costs.ideal[to] = costs.ideal[from];
  costs.nonzeros[to] = costs.nonzeros[from];
}

/** Records what the scheduled buffer of set `set` costs. */
export function recordCost(costs: SetCosts, set: number, buffer: Int32Array, rows: number): void {
  const { lines, lookahead } = costs;
  let leading = -1;
  let rest = 0;
  let skip = 0;
  for (let t = 0; t < lines; t++) {
    let any = 0;
    for (let at = t * rows; at < (t + 1) * rows; at++) any |= buffer[at];
    if (any !== 0) {
      if (leading < 0) leading = t;
      rest++;
      skip = 0;
    } else if (leading >= 0) {
      if (skip < lookahead) {
        skip++;
      } else {
        rest++;
        skip = 0;
      }
    }
  }
  costs.leading[set] = leading < 0 ? lines : leading;
  costs.rest[set] = rest;
  costs.end[set] = leading < 0 ? -1 : skip;
}
