/** Records as CSV, the only way to write it. */
import { type Options, stringify } from "csv-stringify/sync";
import { visible } from "../core/input/visible-text.ts";

/** What spreadsheets take for a formula where a text begins with it (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** Lines of CSV; a text that a spreadsheet would compute is quoted by an apostrophe. Numbers stay numbers. */
export function csvText(records: readonly object[], options: Pick<Options, "header"> = { header: true }): string {
  return stringify([...records], {
    ...options,
    cast: { string: (text) => visible(FORMULA.test(text) ? `'${text}` : text) },
  });
}
