/** What tables of the terminal have in common: columns without lines, lines of one width, numbers for people. */
import Table from "cli-table3";

/** No lines: columns stand apart by spaces, so that tables fit a terminal and paste well. */
const BORDERLESS = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ].map((line) => [line, ""]),
);

const PERCENT = 100;

/** Columns of characters that a terminal is taken to have. */
export const WIDTH = 100;

/** A table whose first `textColumns` columns are text, flush left; numbers are flush right. */
export function plainTable(head: readonly string[], textColumns: number): InstanceType<typeof Table> {
  return new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index < textColumns ? "left" : "right")),
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 1 },
    chars: { ...BORDERLESS, middle: " " },
  });
}

/** Percent with one decimal: 0.905 → "90.5 %". */
export function percent(fraction: number): string {
  return `${(fraction * PERCENT).toFixed(1)} %`;
}

/** Percent that `bytes` save of dense ones; – where a ratio says nothing: of no bytes, or where more than twice as many are taken. */
export function saved(bytes: number, denseBytes: number): string {
  return denseBytes === 0 || bytes > 2 * denseBytes ? "–" : (PERCENT * (1 - bytes / denseBytes)).toFixed(1);
}

/** Text in lines of at most `WIDTH` characters; a longer word has a line of its own. */
export function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== "" && last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}
