/**
 * Dynamic schedules of eight buffers side by side in WebAssembly, where it has vectors; elsewhere, and for machines that do
 * not fit (more than 16 lanes, very long buffers), they are made one by one in JavaScript, with the same result.
 */
import { visitBatches, visitOrder } from "./dynamic-schedule.ts";
import { BYTES } from "./dynamic-schedule.wasm.ts";
import type { LaneMap } from "./search-map.ts";
import type { SetCosts } from "./set-costs.ts";

/** Buffers of one call. */
export const STREAMS = 8;
const WORD_BITS = 16;
const VECTOR_BYTES = 16;
const PAGE_BYTES = 65536;
/** Costs are counted in 16 bits. */
const MAX_LINES = 32767;
const MAX_BYTES = 2 ** 28;
/** Layout of the module's memory: tables, results, the streams as they come, and the streams side by side. */
const COSTS = 4096;
const COUNTS = COSTS + 3 * VECTOR_BYTES;
const SOURCES = COUNTS + 4 * VECTOR_BYTES;

/** Eight buffers of one shape, and what they cost once scheduled. There is one memory: whoever fills streams records them first. */
export interface SideBySide {
  /** Whether buffers of that shape fit. */
  fits(lines: number, rows: number): boolean;
  /** Room for the words of one stream, word [line · rows + row]; valid until another shape is asked for. */
  stream(lines: number, rows: number, index: number): Int32Array;
  /** Schedules what the streams hold and records stream i as set `sets[i]`, for i < `count`. */
  record(lines: number, rows: number, costs: SetCosts, sets: Int32Array, count: number): void;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  schedule(...args: number[]): void;
  count(...args: number[]): void;
  interleave(...args: number[]): void;
}

let instance: Exports | null | undefined;

/** The module, instantiated once; null where it does not run. */
function load(): Exports | null {
  if (instance !== undefined) return instance;
  try {
    const bytes = Uint8Array.from(atob(BYTES), (character) => character.charCodeAt(0));
    instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports as unknown as Exports;
  } catch {
    // No WebAssembly, none with vectors, or a page that forbids it.
    instance = null;
  }
  return instance;
}

/** Scheduling side by side for a search map, null where that is not possible. */
export function sideBySide(map: LaneMap, lookaside: number): SideBySide | null {
  const module = load();
  const { lanes, lookahead, size, ahead, turn } = map;
  const batches = visitBatches(visitOrder(lanes, lookaside), map);
  const tableWords = batches.length + 2 * size;
  if (module === null || lanes > WORD_BITS || tableWords * 4 > COSTS) return null;
  const { memory } = module;
  const table = new Int32Array(tableWords);
  table.set(batches);
  for (let o = 0; o < size; o++) table.set([ahead[o], turn[o]], batches.length + 2 * o);
  const offsets = batches.length * 4;
  const wordsOf = (lines: number, rows: number) => Math.ceil((lines * rows) / STREAMS) * STREAMS;
  const bufferOf = (lines: number, rows: number) => SOURCES + STREAMS * 4 * wordsOf(lines, rows);
  const endOf = (lines: number, rows: number) =>
    bufferOf(lines, rows) + (wordsOf(lines, rows) + lookahead * rows) * VECTOR_BYTES;

  return {
    fits: (lines, rows) => lines <= MAX_LINES && endOf(lines, rows) <= MAX_BYTES,
    stream(lines, rows, index) {
      const missing = endOf(lines, rows) - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
      const words = wordsOf(lines, rows);
      return new Int32Array(memory.buffer, SOURCES + index * 4 * words, words);
    },
    record(lines, rows, costs, sets, count) {
      new Int32Array(memory.buffer, 0, tableWords).set(table);
      const words = wordsOf(lines, rows);
      const buffer = bufferOf(lines, rows);
      module.interleave(SOURCES, 4 * words, words, buffer);
      new Uint16Array(memory.buffer, buffer + lines * rows * VECTOR_BYTES, lookahead * rows * STREAMS).fill(0);
      module.count(buffer, lines, rows, COUNTS);
      module.schedule(buffer, lines, rows, lanes, lookahead, 0, batches.length, offsets, size, COSTS);
      const cost = new Int16Array(memory.buffer, COSTS, 3 * STREAMS);
      const counts = new Int32Array(memory.buffer, COUNTS, 2 * STREAMS);
      for (let i = 0; i < count; i++) {
        const set = sets[i];
        costs.leading[set] = cost[i];
        costs.rest[set] = cost[STREAMS + i];
        costs.end[set] = cost[2 * STREAMS + i];
        costs.nonzeros[set] = counts[i];
        costs.ideal[set] = lookahead === 0 ? lines : Math.ceil(counts[STREAMS + i] / lanes);
      }
    },
  };
}
