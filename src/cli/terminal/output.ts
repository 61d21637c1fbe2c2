/** What is printed: when stdout is closed or its disk is full, the work continues and the user is warned once; no text drives the terminal. */
import type { Writable } from "node:stream";
import { visibleLines } from "../../core/input/visible-text.ts";

/**
 * Keeps faults of a stream from ending the program. A reader that has seen enough, as `head`, closes the pipe: no fault of ours.
 * @param onFault is told of the first of any other kind.
 */
export function guardOutput(stream: Writable, onFault: (message: string) => void): void {
  let isTold = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isTold) return;
    isTold = true;
    onFault(error.message);
  });
}

const shielded = new WeakSet<Console>();

/** Makes everything that the console prints visible text: names of files and of what is in them may hold sequences that drive a terminal. */
export function shieldConsole(console: Console): void {
  if (shielded.has(console)) return;
  shielded.add(console);
  for (const name of ["log", "error"] as const) {
    const print = console[name].bind(console);
    console[name] = (...values: unknown[]) =>
      print(...values.map((v) => (typeof v === "string" ? visibleLines(v) : v)));
  }
}
