/**
 * Lane words: one 32-bit word holds one bit for each lane of a processing element (at most 32), bit l = lane l.
 * Lanes form a ring, so a look at lane l + d is a rotation. Words are kept as signed 32-bit integers.
 */

/** The most lanes a word can hold. */
export const MAX_LANES = 32;

/** Word with the first `lanes` lanes set. */
export function fullWord(lanes: number): number {
  return lanes >= MAX_LANES ? -1 : (1 << lanes) - 1;
}

/** Word whose lane l holds lane (l + turn) mod `lanes` of `word`; 0 ≤ turn < lanes, `full` = fullWord(lanes). */
export function lookAside(word: number, turn: number, lanes: number, full: number): number {
  return ((word >>> turn) | (word << (lanes - turn))) & full;
}

/** The inverse of `lookAside`. */
export function lookBack(word: number, turn: number, lanes: number, full: number): number {
  return ((word << turn) | (word >>> (lanes - turn))) & full;
}

/** Full words of each lane block of `channels` channels: the last block holds what remains. */
export function channelWords(channels: number, lanes: number): Int32Array {
  const words = new Int32Array(Math.ceil(channels / lanes));
  for (let block = 0; block < words.length; block++) {
    words[block] = fullWord(Math.min(lanes, channels - block * lanes));
  }
  return words;
}
