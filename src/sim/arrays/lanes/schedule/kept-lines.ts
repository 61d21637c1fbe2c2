/** Which lines of a scheduled buffer the array works through: those that the walk of `line-walk.ts` does not skip. */

/** Lines of a scheduled `buffer` of `lines` lines of `rows` lane words that are kept, in order. */
export function keptLines(buffer: Int32Array, lines: number, rows: number, lookahead: number): Int32Array {
  const kept = new Int32Array(lines);
  let count = 0;
  let skip = 0;
  for (let t = 0; t < lines; t++) {
    let any = 0;
    for (let at = t * rows; at < (t + 1) * rows; at++) any |= buffer[at];
    if (any === 0 && skip < lookahead) {
      skip++;
      continue;
    }
    skip = 0;
    kept[count++] = t;
  }
  return kept.slice(0, count);
}
