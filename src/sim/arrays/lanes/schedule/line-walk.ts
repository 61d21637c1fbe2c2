/**
 * The walk over the lines of a buffer that both schedulers make: a line of zeros is skipped, unless `lookahead` lines have
 * been skipped just before; at every other line each row is filled from the lines ahead.
 * A buffer is `lines` lines of `rows` lane words, word [t · rows + r], followed by `lookahead` lines of zeros.
 */

/** Schedules a buffer in place. */
export type Scheduler = (buffer: Int32Array, lines: number, rows: number) => void;

/** Fills the zero lanes of the row at word `at`; rows of the lines ahead lie `rows` words apart. */
export type FillRow = (buffer: Int32Array, at: number, rows: number) => void;

/** The scheduler that fills rows with `fillRow`. */
export function lineWalk(lookahead: number, fillRow: FillRow): Scheduler {
  return (buffer, lines, rows) => {
    let skip = 0;
    for (let t = 0; t < lines; t++) {
      const first = t * rows;
      let any = 0;
      for (let r = 0; r < rows; r++) any |= buffer[first + r];
      if (any === 0 && skip < lookahead) {
        skip++;
        continue;
      }
      skip = 0;
      for (let r = 0; r < rows; r++) fillRow(buffer, first + r, rows);
    }
  };
}
