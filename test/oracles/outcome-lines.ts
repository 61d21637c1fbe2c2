/** The lines that `npm run validate` prints of a folder. */
import type { CountingTally } from "./oracle.ts";
import type { Outcome } from "./run-folders.ts";

const SHOWN_DIFFERENCES = 20;
const SHOWN_PLACES = 6;

/** Equal and compared by quantity, skips by reason, and the first differences. */
export function outcomeLines(outcome: Outcome): string[] {
  if (outcome.kind === "compared") return tallyLines(outcome.oracle, outcome.tally);
  return [`DIFFERS ${outcome.reason}`];
}

function tallyLines(oracle: string, { rows, skips, differences, cases }: CountingTally): string[] {
  const lines = [`${oracle} cases replayed: ${cases.replayed}/${cases.listed}`];
  for (const row of rows.values()) lines.push(`${oracle} ${row.quantity}: ${row.equal}/${row.compared}`);
  for (const [reason, places] of skips) {
    const more = places.length > SHOWN_PLACES ? `, +${places.length - SHOWN_PLACES} more` : "";
    lines.push(`${oracle} skipped ${places.length} × ${reason} (${places.slice(0, SHOWN_PLACES).join(", ")}${more})`);
  }
  for (const line of differences.slice(0, SHOWN_DIFFERENCES)) lines.push(`${oracle} DIFFERS ${line}`);
  const hidden = differences.length - SHOWN_DIFFERENCES;
  if (hidden > 0) lines.push(`${oracle} … and ${hidden} more differences`);
  return lines;
}
