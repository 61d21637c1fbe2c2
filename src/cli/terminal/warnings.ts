/** Things about opened traces that are no errors but that a user has to know. */
import { visible } from "../../core/input/visible-text.ts";
import type { IdentifiedTrace } from "../../trace/trace.ts";

/** Prints a warning on stderr. */
export function warn(text: string): void {
  console.error(`warning: ${visible(text)}`);
}

/** Prints on stderr how an input was understood. */
export function note(text: string): void {
  console.error(`note: ${visible(text)}`);
}

/** Prints the warnings of traces on stderr, so that stdout holds the answer only, and hands the traces on. */
export function warned(traces: readonly IdentifiedTrace[]): readonly IdentifiedTrace[] {
  for (const { trace } of traces) for (const line of trace.warnings) warn(line);
  return traces;
}
