/**
 * Dynamic schedule of a lane buffer, as TensorDash's hardware makes it: at each line, and in each row on its own, the
 * zero lanes are visited in a fixed order and each takes the first value that its search map still finds.
 * Buffers are laid out as in `line-walk.ts`. Source: DNNsim's TensorDash training model (January 2020, parent of 58b1d72).
 * Consecutive lanes of the visiting order that can never want the same value are served at once.
 */
import { fullWord, lookAside, lookBack, MAX_LANES } from "../operands/lane-word.ts";
import { type FillRow, lineWalk, type Scheduler } from "./line-walk.ts";
import type { LaneMap } from "./search-map.ts";

/** Order in which lanes choose: from the lowest unused lane in steps of `lookaside`, so that neighbours rarely compete. */
export function visitOrder(lanes: number, lookaside: number): number[] {
  const order: number[] = [];
  const used = new Array<boolean>(lanes).fill(false);
  for (let first = 0; first < lanes; first++) {
    if (used[first]) continue;
    const limit = Math.min(lanes, lanes - lookaside + first);
    let lane = first;
    do {
      used[lane] = true;
      order.push(lane);
      lane += lookaside;
    } while (lookaside > 0 && lane < limit && !used[lane]);
  }
  return order;
}

/** Splits the visiting order into words of consecutive lanes whose reaches do not meet. */
export function visitBatches(order: readonly number[], map: LaneMap): Int32Array {
  const batches: number[] = [];
  const taken = new Int32Array(map.lookahead + 1);
  let batch = 0;
  for (const lane of order) {
    if (batch !== 0 && meets(map, lane, taken)) {
      batches.push(batch);
      batch = 0;
      taken.fill(0);
    }
    batch |= 1 << lane;
    for (let o = 0; o < map.size; o++) taken[map.ahead[o]] |= 1 << ((lane + map.turn[o]) % map.lanes);
  }
  if (batch !== 0) batches.push(batch);
  return Int32Array.from(batches);
}

function meets(map: LaneMap, lane: number, taken: Int32Array): boolean {
  for (let o = 0; o < map.size; o++) {
    if ((taken[map.ahead[o]] & (1 << ((lane + map.turn[o]) % map.lanes))) !== 0) return true;
  }
  return false;
}

/** Makes the dynamic scheduler of a search map; `lookaside` sets the visiting order. */
export function dynamicScheduler(map: LaneMap, lookaside: number): Scheduler {
  const batches = visitBatches(visitOrder(map.lanes, lookaside), map);
  return lineWalk(map.lookahead, map.lanes * 2 <= MAX_LANES ? fillHalfWords(map, batches) : fillWords(map, batches));
}

function fillWords({ lanes, lookahead, size, ahead, turn }: LaneMap, batches: Int32Array): FillRow {
  const full = fullWord(lanes);
  /** The row's words of the lines ahead; index 0 is not used. */
  const sources = new Int32Array(lookahead + 1);
  return (buffer, at, rows) => {
    let word = buffer[at];
    const holes = ~word & full;
    if (holes === 0) return;
    let any = 0;
    for (let h = 1; h <= lookahead; h++) {
      sources[h] = buffer[at + h * rows];
      any |= sources[h];
    }
    if (any === 0) return;
    for (let b = 0; b < batches.length; b++) {
      let wanting = holes & batches[b];
      for (let o = 0; o < size && wanting !== 0; o++) {
        const source = sources[ahead[o]];
        const served = lookAside(source, turn[o], lanes, full) & wanting;
        if (served === 0) continue;
        sources[ahead[o]] = source & ~lookBack(served, turn[o], lanes, full);
        word |= served;
        wanting &= ~served;
      }
    }
    buffer[at] = word;
    for (let h = 1; h <= lookahead; h++) buffer[at + h * rows] = sources[h];
  };
}

/** As `fillWords`, for rings of at most half a word: a ring written twice side by side is turned by one shift. */
function fillHalfWords({ lanes, lookahead, size, ahead, turn }: LaneMap, batches: Int32Array): FillRow {
  const full = fullWord(lanes);
  const sources = new Int32Array(lookahead + 1);
  return (buffer, at, rows) => {
    let word = buffer[at];
    const holes = ~word & full;
    if (holes === 0) return;
    let any = 0;
    for (let h = 1; h <= lookahead; h++) {
      const source = buffer[at + h * rows];
      sources[h] = source | (source << lanes);
      any |= source;
    }
    if (any === 0) return;
    for (let b = 0; b < batches.length; b++) {
      let wanting = holes & batches[b];
      if (wanting === 0) continue;
      for (let o = 0; o < size; o++) {
        const served = (sources[ahead[o]] >>> turn[o]) & wanting;
        if (served === 0) continue;
        const taken = served << turn[o];
        sources[ahead[o]] &= ~(taken | (taken << lanes) | (taken >>> lanes));
        word |= served;
        wanting &= ~served;
        if (wanting === 0) break;
      }
    }
    buffer[at] = word;
    for (let h = 1; h <= lookahead; h++) buffer[at + h * rows] = sources[h] & full;
  };
}
