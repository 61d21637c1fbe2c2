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

/** `csvText` with a header, in parts; the first record names the columns. */
export function* csvParts(records: Iterable<object>): Generator<string> {
  let [waiting, columns]: [object[], string[] | undefined] = [[], undefined];
  const part = () => {
    const header = columns === undefined;
    columns ??= Object.keys(waiting[0] ?? {});
    return csvText(waiting, columns.length === 0 ? { header } : { header, columns });
  };
  for (const record of records) {
    if (waiting.push(record) < RECORDS_AT_ONCE) continue;
    yield part();
    waiting = [];
  }
  if (waiting.length > 0) yield part();
}
