/** What is printed: when stdout is closed or its disk is full, the work continues and the user is warned once; no text drives the terminal. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { visibleLines } from "../../core/input/visible-text.ts";
import { systemReason } from "../../io/writing-fault.ts";

/**
 * Keeps faults of a stream from ending the program. A reader that has seen enough, as `head`, closes the pipe: no fault of ours.
 * @param onFault is told of the first of any other kind.
 */
export function guardOutput(stream: Writable, onFault: (message: string) => void): void {
  let isTold = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isTold) return;
    isTold = true;
    onFault(systemReason(error) ?? error.message);
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

/** Prints a text that comes in parts, as visible text, and waits for a slower reader; one who has seen enough gets no more. */
export async function printParts(parts: Iterable<string>, stream: Writable = process.stdout): Promise<void> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  stream.once("error", end);
  for (const part of parts) {
    if (isOver) break;
    if (!stream.write(visibleLines(part))) await drained(stream);
  }
  stream.off("error", end);
}

/** Until the stream takes more, or never will. */
async function drained(stream: Writable): Promise<void> {
  const heard = new AbortController();
  const { signal } = heard;
  await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]).catch(() => {});
  heard.abort();
}
