/** Pairs of two nonzeros of one row of mask words with each of many: in WebAssembly, where it has vectors; else in JavaScript. */
import { popcount32 } from "../../../../core/bit-mask.ts";
import { instantiate, reserve, type WasmMemory } from "../wasm-module.ts";
import { BYTES } from "./joined-ones.wasm.ts";

/**
 * Counts the ones that a row has in common with each of the rows known before, [chunk][row]; the counts are good until the next call.
 */
export type JoinedOnes = (row: Int32Array) => Int32Array;

interface Exports {
  readonly memory: WasmMemory;
  joinedOnes(...args: number[]): void;
}

const VECTOR_WORDS = 4;
/** Rows that take more stay outside: a module's memory never shrinks. */
const MAX_BYTES = 2 ** 28;
let instance: Exports | null | undefined;

/**
 * Joins rows with `count` rows of `words` words, which lie behind one another, in chunks of `chunkWords`, a multiple of four; in one
 * chunk where not given. Valid until the next set of rows is loaded.
 */
export function joinedOnes(
  rows: Int32Array,
  count: number,
  words: number,
  chunkWords = Math.ceil(words / VECTOR_WORDS) * VECTOR_WORDS,
): JoinedOnes {
  if (instance === undefined) instance = instantiate<Exports>(BYTES);
  const chunks = Math.ceil(words / chunkWords);
  const padded = chunks * chunkWords;
  const rowAt = count * padded * 4;
  const countsAt = rowAt + padded * 4;
  const end = countsAt + count * chunks * 4;
  const module = instance;
  if (module === null || end > MAX_BYTES) return inWords(rows, count, words, chunkWords);
  reserve(module.memory, end);
  const { buffer } = module.memory;
  const memory = new Int32Array(buffer, 0, end / 4).fill(0);
  for (let k = 0; k < count; k++) memory.set(rows.subarray(k * words, (k + 1) * words), k * padded);
  const counts = new Int32Array(buffer, countsAt, count * chunks);
  return (row) => {
    memory.set(row, rowAt / 4);
    module.joinedOnes(0, count, rowAt, padded * 4, chunkWords * 4, countsAt);
    return counts;
  };
}

/** The same, word by word. */
export function inWords(rows: Int32Array, count: number, words: number, chunkWords = words): JoinedOnes {
  const counts = new Int32Array(count * Math.ceil(words / chunkWords));
  return (row) => {
    counts.fill(0);
    for (let k = 0, at = 0; k < count; k++) {
      for (let i = 0; i < words; i++, at++) {
        counts[Math.floor(i / chunkWords) * count + k] += popcount32(rows[at] & row[i]);
      }
    }
    return counts;
  };
}
