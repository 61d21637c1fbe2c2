/**
 * Dynamic schedules of eight buffers side by side in WebAssembly, where it has vectors; elsewhere, and for machines that do
 * not fit (more than 16 lanes, very long buffers), they are made one by one in JavaScript, with the same result.
 */

import { instantiate, reserve, type WasmMemory } from "../wasm-module.ts";
import { visitBatches, visitOrder } from "./dynamic-schedule.ts";
import { BYTES } from "./dynamic-schedule.wasm.ts";
import type { LaneMap } from "./search-map.ts";
import type { SetCosts } from "./set-costs.ts";

/** Buffers of one call. */
export const STREAMS = 8;
const WORD_BITS = 16;
const VECTOR_BYTES = 16;
/** Costs are counted in 16 bits. */
const MAX_LINES = 32767;
const MAX_BYTES = 2 ** 28;
/** Layout of the module's memory: tables, results, the streams as they come, and the streams side by side. */
const COSTS = 4096;
const COUNTS = COSTS + 3 * VECTOR_BYTES;
const SOURCES = COUNTS + 4 * VECTOR_BYTES;
/** Costs and counts of eight buffers. */
const RESULT_BYTES = SOURCES - COSTS;

/** Eight buffers of one shape, and what they cost once scheduled. There is one memory: whoever fills streams records them first. */
export interface SideBySide {
  /** Whether buffers of that shape fit. */
  fits(lines: number, rows: number): boolean;
  /** Room for the words of one stream, word [line · rows + row]; valid until another shape is asked for. */
  stream(lines: number, rows: number, index: number): Int32Array;
  /** Schedules what the streams hold and records stream i as set `sets[i]`, for i < `count`. */
  record(lines: number, rows: number, costs: SetCosts, sets: Int32Array, count: number): void;
  /** Sets of `rows` rows that meet sets of `columns` columns in pairs; null where they do not fit. Valid until anything else is scheduled. */
  pairs(lines: number, rows: number, columns: number, sets: readonly Int32Array[]): PairSchedules | null;
}

/** Schedules the pairs of every set of rows with one set of columns, word [line · columns + column], and records them as the sets of `costs`. */
export type PairSchedules = (columnWords: Int32Array, costs: SetCosts) => void;

interface Exports {
  readonly memory: WasmMemory;
  schedule(...args: number[]): void;
  count(...args: number[]): void;
  interleave(...args: number[]): void;
  schedulePairs(...args: number[]): void;
}

let instance: Exports | null | undefined;

/** Scheduling side by side for a search map, null where that is not possible. */
export function sideBySide(map: LaneMap, lookaside: number): SideBySide | null {
  if (instance === undefined) instance = instantiate<Exports>(BYTES);
  const batches = visitBatches(visitOrder(map.lanes, lookaside), map);
  const tableBytes = 4 * (batches.length + 2 * map.size);
  if (instance === null || map.lanes > WORD_BITS || tableBytes > COSTS) return null;
  return new Streams(instance, map, batches);
}

/** TensorDash's published search map, which the module has compiled in: [lines ahead, turn] for 16 lanes. */
const PUBLISHED = [1, 0, 2, 0, 1, 15, 1, 1, 2, 14, 2, 2, 1, 13];

function isPublished({ lanes, lookahead, size, ahead, turn }: LaneMap): boolean {
  const isSame = (o: number) => ahead[o] === PUBLISHED[2 * o] && turn[o] === PUBLISHED[2 * o + 1];
  return lanes === 16 && lookahead === 2 && 2 * size === PUBLISHED.length && Array.from(ahead.keys()).every(isSame);
}

class Streams implements SideBySide {
  readonly #module: Exports;
  readonly #map: LaneMap;
  /** What the module reads: batches of visits, then the lines ahead and turns of the options of a lane. */
  readonly #table: Int32Array;
  readonly #batches: number;
  readonly #isPublished: number;

  constructor(module: Exports, map: LaneMap, batches: ArrayLike<number>) {
    const { size, ahead, turn } = map;
    this.#module = module;
    this.#map = map;
    this.#batches = batches.length;
    this.#isPublished = Number(isPublished(map));
    this.#table = new Int32Array(batches.length + 2 * size);
    this.#table.set(batches);
    for (let o = 0; o < size; o++) this.#table.set([ahead[o], turn[o]], batches.length + 2 * o);
  }

  fits(lines: number, rows: number): boolean {
    return lines <= MAX_LINES && this.#end(lines, rows) <= MAX_BYTES;
  }

  stream(lines: number, rows: number, index: number): Int32Array {
    reserve(this.#module.memory, this.#end(lines, rows));
    return this.#streamAt(lines, rows, index);
  }

  record(lines: number, rows: number, costs: SetCosts, sets: Int32Array, count: number): void {
    const buffer = bufferOf(lines, rows);
    this.#interleave(lines, rows, buffer);
    this.#schedule(buffer, lines, rows);
    this.#store(this.#results(COSTS), costs, (i) => sets[i], count);
  }

  pairs(lines: number, rows: number, columns: number, sets: readonly Int32Array[]): PairSchedules | null {
    const { memory } = this.#module;
    const groups = Math.ceil(sets.length / STREAMS);
    // The last group has room for whole vectors of words.
    const groupBytes = lines * rows * VECTOR_BYTES;
    const groupsAt = bufferOf(lines, rows);
    const columnsAt = groupsAt + (groups - 1) * groupBytes + wordsOf(lines, rows) * VECTOR_BYTES;
    const results = columnsAt + wordsOf(lines, columns) * 4;
    const buffer = results + groups * RESULT_BYTES;
    const end = buffer + (lines + this.#map.lookahead) * rows * columns * VECTOR_BYTES;
    if (lines > MAX_LINES || end > MAX_BYTES) return null;
    reserve(memory, end);
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < STREAMS; i++) {
        const set = sets[group * STREAMS + i];
        if (set !== undefined) this.#streamAt(lines, rows, i).set(set);
      }
      this.#interleave(lines, rows, groupsAt + group * groupBytes);
    }
    new Int32Array(memory.buffer, 0, this.#table.length).set(this.#table);
    const columnsThere = new Int32Array(memory.buffer, columnsAt, lines * columns);
    const found = Array.from({ length: groups }, (_, group) => this.#results(results + group * RESULT_BYTES));
    const { lanes, lookahead, size } = this.#map;
    const search = [lanes, lookahead, 0, this.#batches, this.#batches * 4, size, this.#isPublished];
    return (columnWords, costs) => {
      columnsThere.set(columnWords);
      this.#module.schedulePairs(groupsAt, groups, rows, columnsAt, columns, lines, buffer, ...search, results);
      for (let group = 0; group < groups; group++) {
        const first = group * STREAMS;
        this.#store(found[group], costs, (i) => first + i, Math.min(STREAMS, sets.length - first));
      }
    };
  }

  #aheadBytes(rows: number): number {
    return this.#map.lookahead * rows * VECTOR_BYTES;
  }

  #end(lines: number, rows: number): number {
    return bufferOf(lines, rows) + wordsOf(lines, rows) * VECTOR_BYTES + this.#aheadBytes(rows);
  }

  #streamAt(lines: number, rows: number, index: number): Int32Array {
    const words = wordsOf(lines, rows);
    return new Int32Array(this.#module.memory.buffer, SOURCES + index * 4 * words, words);
  }

  #interleave(lines: number, rows: number, to: number): void {
    const words = wordsOf(lines, rows);
    this.#module.interleave(SOURCES, 4 * words, words, to);
  }

  /** Schedules eight buffers that lie side by side; the rows of a line are skipped together. */
  #schedule(buffer: number, lines: number, rows: number): void {
    const { memory } = this.#module;
    const { lanes, lookahead, size } = this.#map;
    new Int32Array(memory.buffer, 0, this.#table.length).set(this.#table);
    new Uint8Array(memory.buffer, buffer + lines * rows * VECTOR_BYTES, this.#aheadBytes(rows)).fill(0);
    this.#module.count(buffer, lines, rows, COUNTS);
    const offsets = this.#batches * 4;
    this.#module.schedule(
      buffer,
      lines,
      rows,
      lanes,
      lookahead,
      0,
      this.#batches,
      offsets,
      size,
      this.#isPublished,
      COSTS,
    );
  }

  /** What was stored of eight buffers. */
  #results(at: number): Results {
    const { buffer } = this.#module.memory;
    return {
      cost: new Int16Array(buffer, at, 3 * STREAMS),
      counts: new Int32Array(buffer, at + COUNTS - COSTS, 2 * STREAMS),
    };
  }

  #store({ cost, counts }: Results, costs: SetCosts, setOf: (stream: number) => number, count: number): void {
    const { lanes, lookahead } = this.#map;
    for (let i = 0; i < count; i++) {
      const set = setOf(i);
      costs.leading[set] = cost[i];
      costs.rest[set] = cost[STREAMS + i];
      costs.end[set] = cost[2 * STREAMS + i];
      costs.nonzeros[set] = counts[i];
      costs.ideal[set] = lookahead === 0 ? costs.lines : Math.ceil(counts[STREAMS + i] / lanes);
    }
  }
}

/** Costs of eight buffers, and their nonzeros. */
interface Results {
  readonly cost: Int16Array;
  readonly counts: Int32Array;
}

/** Words of a stream, in whole vectors. */
function wordsOf(lines: number, rows: number): number {
  return Math.ceil((lines * rows) / STREAMS) * STREAMS;
}

/** Where streams side by side begin. */
function bufferOf(lines: number, rows: number): number {
  return SOURCES + STREAMS * 4 * wordsOf(lines, rows);
}
