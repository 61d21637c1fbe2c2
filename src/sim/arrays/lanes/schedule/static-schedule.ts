/**
 * Static schedule of a weight buffer, as Bit-Tactical's software makes it: at each line, and in each row on its own,
 * the zero lane with the most candidates takes its first one, until no zero lane has a candidate.
 * Buffers are laid out as in `line-walk.ts`.
 * Source: DNNsim 4748a600. Bit-sliced counters count the candidates of all lanes at once.
 */
import { fullWord, lookAside, lookBack } from "../operands/lane-word.ts";
import { lineWalk, type Scheduler } from "./line-walk.ts";
import type { LaneMap } from "./search-map.ts";

/** Makes the static scheduler of a search map. */
export function staticScheduler(map: LaneMap): Scheduler {
  const { lanes, lookahead, size, ahead, turn } = map;
  const full = fullWord(lanes);
  const candidates = new Int32Array(size);

  /** Fills the zero lanes of row `at` of a line; rows of the lines ahead lie `rows` words apart. */
  function fillRow(buffer: Int32Array, at: number, rows: number): void {
    let word = buffer[at];
    let holes = ~word & full;
    if (holes === 0) return;
    let reachable = 0;
    for (let o = 0; o < size; o++) {
      const source = buffer[at + ahead[o] * rows];
      candidates[o] = source === 0 ? 0 : lookAside(source, turn[o], lanes, full);
      reachable |= candidates[o];
    }
    reachable &= holes;
    while (reachable !== 0) {
      const lane = neediestLane(candidates, size, reachable);
      let o = 0;
      while ((candidates[o] & lane) === 0) o++;
      const value = lookBack(lane, turn[o], lanes, full);
      buffer[at + ahead[o] * rows] &= ~value;
      word |= lane;
      holes &= ~lane;
      reachable = 0;
      const line = ahead[o];
      for (let i = 0; i < size; i++) {
        if (ahead[i] === line) candidates[i] &= ~lookAside(value, turn[i], lanes, full);
        reachable |= candidates[i];
      }
      reachable &= holes;
    }
    buffer[at] = word;
  }

  return lineWalk(lookahead, fillRow);
}

/** The lane of `among` (not empty) that most words of `candidates` hold, the lowest on ties, as a one-bit word. */
function neediestLane(candidates: Int32Array, size: number, among: number): number {
  // Bit l of ones, twos, … is that binary digit of the count of lane l.
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  let sixteens = 0;
  let thirtyTwos = 0;
  for (let o = 0; o < size; o++) {
    let carry = candidates[o] & among;
    if (carry === 0) continue;
    let next = ones & carry;
    ones ^= carry;
    if (next === 0) continue;
    carry = next;
    next = twos & carry;
    twos ^= carry;
    if (next === 0) continue;
    carry = next;
    next = fours & carry;
    fours ^= carry;
    if (next === 0) continue;
    carry = next;
    next = eights & carry;
    eights ^= carry;
    if (next === 0) continue;
    thirtyTwos ^= sixteens & next;
    sixteens ^= next;
  }
  let best = among;
  if ((best & thirtyTwos) !== 0) best &= thirtyTwos;
  if ((best & sixteens) !== 0) best &= sixteens;
  if ((best & eights) !== 0) best &= eights;
  if ((best & fours) !== 0) best &= fours;
  if ((best & twos) !== 0) best &= twos;
  if ((best & ones) !== 0) best &= ones;
  return best & -best;
}
