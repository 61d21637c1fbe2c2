/** Records as CSV. All CSV is written here, so that no cell can be a formula. */
import { type Options, stringify } from "csv-stringify/sync";
import { visible } from "../core/input/visible-text.ts";

/** What spreadsheets take for a formula where a text begins with it (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** Lines of CSV. An apostrophe stands before text that a spreadsheet would compute; numbers stay numbers. */
export function csvText(
  records: readonly object[],
  options: Pick<Options, "header" | "columns"> = { header: true },
): string {
  return stringify([...records], {
    ...options,
    cast: { string: (text) => visible(FORMULA.test(text) ? `'${text}` : text) },
  });
}

const RECORDS_AT_ONCE = 500;

/** What stands in one place of a table. */
export type Cell = string | number | null;

/** Lines of CSV below a header, in parts; nothing where there is no record. */
export function* csvParts(columns: readonly string[], records: Iterable<readonly Cell[]>): Generator<string> {
  let waiting: (readonly Cell[])[] = [];
  let isHeaded = false;
  for (const record of records) {
    if (!isHeaded) waiting.push(columns);
    isHeaded = true;
    if (waiting.push(record) < RECORDS_AT_ONCE) continue;
    yield csvText(waiting, {});
    waiting = [];
  }
  if (waiting.length > 0) yield csvText(waiting, {});
}
