/** Things about opened traces that are no errors but that a user has to know. */
import { oneLine } from "../io/faults.ts";
import type { IdentifiedTrace } from "../trace/trace.ts";

/** Prints the warnings of traces on stderr, so that stdout holds the answer only, and hands the traces on. */
export function warned(traces: readonly IdentifiedTrace[]): readonly IdentifiedTrace[] {
  for (const { trace } of traces) for (const line of trace.warnings) console.error(`warning: ${oneLine(line)}`);
  return traces;
}
