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
/** Layout of the module's memory: tables, then results, then the buffers. */
const COSTS = 4096;
const COUNTS = COSTS + 3 * VECTOR_BYTES;
const BUFFER = COUNTS + 4 * VECTOR_BYTES;

/** Eight buffers of one shape, and what they cost once scheduled. */
export interface SideBySide {
  /** Whether buffers of that shape fit. */
  fits(lines: number, rows: number): boolean;
  /** The words of buffers of that shape, [(line · rows + row) · STREAMS + stream]; the lookahead behind them is cleared. */
  words(lines: number, rows: number): Uint16Array;
  /** Schedules what `words` holds and records stream i as set `sets[i]`, for i < `count`. */
  record(lines: number, rows: number, costs: SetCosts, sets: Int32Array, count: number): void;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  schedule(...args: number[]): void;
  count(...args: number[]): void;
}

let instance: Exports | null | undefined;

/** The module, instantiated once; null where it does not run. */
function load(): Exports | null {
  if (instance === undefined) {
    const bytes = Uint8Array.from(atob(BYTES), (character) => character.charCodeAt(0));
    instance = WebAssembly.validate(bytes)
      ? (new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports as unknown as Exports)
      : null;
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
  const bytesOf = (lines: number, rows: number) => (lines + lookahead) * rows * VECTOR_BYTES;

  return {
    fits: (lines, rows) => lines <= MAX_LINES && bytesOf(lines, rows) <= MAX_BYTES,
    words(lines, rows) {
      const missing = BUFFER + bytesOf(lines, rows) - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
      const words = new Uint16Array(memory.buffer, BUFFER, bytesOf(lines, rows) / 2);
      words.fill(0, lines * rows * STREAMS);
      return words;
    },
    record(lines, rows, costs, sets, count) {
      new Int32Array(memory.buffer, 0, tableWords).set(table);
      module.count(BUFFER, lines, rows, COUNTS);
      module.schedule(BUFFER, lines, rows, lanes, lookahead, 0, batches.length, offsets, size, COSTS);
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
