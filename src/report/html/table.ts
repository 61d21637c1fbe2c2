/**
 * A table whose columns sort at a click, with its values as a CSV file inside the page. In the CSV, text that a spreadsheet
 * would take for a formula begins with an apostrophe.
 */
import { csvText } from "../../io/csv-text.ts";
import { html, type Markup } from "./template.ts";

/** A column: of text, or of numbers with their text for people. */
export interface Column<Row> {
  /** In the CSV, with the unit. */
  readonly key: string;
  readonly head: string;
  value(row: Row): string | number | null;
  /** A number for people; for text nothing. */
  readonly show?: (value: number) => string;
  /** Half-width of the 95 % confidence interval of a number, 0 for an exact one. */
  readonly halfWidth?: (row: Row) => number;
  /** What stands behind a number for people. */
  readonly mark?: (row: Row) => string;
}

/** A table of `rows`; `id` is its place in the page and the name of its CSV file. */
export interface TableContent<Row> {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
}

/** The table, folded away with `folded`. */
export function sortableTable<Row>(content: TableContent<Row>, folded = true): Markup {
  const { id, title, note = "", columns, rows } = content;
  const isNumber = columns.map(({ show }) => show !== undefined);
  const head = columns.map(
    ({ head }, index) =>
      html`<th scope="col"${isNumber[index] ? html` class="n"` : ""}><button type="button">${head}${headMark(columns[index], rows)}</button></th>`,
  );
  const body = rows.map((row) => html`<tr>${columns.map((column) => cell(column, row))}</tr>\n`);
  const csv = `data:text/csv;charset=utf-8;base64,${Buffer.from(tableCsv(content)).toString("base64")}`;
  return html`<details id="${id}"${folded ? "" : html` open`}><summary>${title}</summary>
<p>${note} <a href="${csv}" download="${id}.csv">CSV</a></p>
<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div></details>
`;
}

/** The values of the table as CSV, with a header; a column with estimates is followed by their half-widths. */
export function tableCsv<Row>({ columns, rows }: TableContent<Row>): string {
  const all = columns.flatMap(({ key, value, halfWidth }) =>
    halfWidth !== undefined && rows.some((row) => halfWidth(row) > 0)
      ? [
          { key, value },
          { key: `${key}_ci95`, value: halfWidth },
        ]
      : [{ key, value }],
  );
  const records = rows.map((row) => all.map((column) => column.value(row)));
  return csvText([all.map(({ key }) => key), ...records], { header: false });
}

/** The mark of a column's numbers, where any has one. */
function headMark<Row>({ mark }: Column<Row>, rows: readonly Row[]): string {
  return rows.map((row) => mark?.(row) ?? "").find((text) => text !== "") ?? "";
}

const LONG = 40;

function isLong(value: string | number | null): boolean {
  return String(value).length > LONG;
}

function cell<Row>(column: Column<Row>, row: Row): Markup {
  const { show } = column;
  const value = column.value(row);
  const halfWidth = column.halfWidth?.(row) ?? 0;
  if (show === undefined) return html`<td${isLong(value) ? html` class="w"` : ""}>${value ?? "–"}</td>`;
  if (typeof value !== "number") return html`<td class="n">–</td>`;
  const text = halfWidth > 0 ? `${show(value)} ±${show(halfWidth)}` : show(value);
  return html`<td class="n" data-v="${value}">${text}${column.mark?.(row) ?? ""}</td>`;
}
