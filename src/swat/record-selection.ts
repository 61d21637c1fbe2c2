/** Which steps of a run are recorded: `last`, `every:N`, `steps:A,B,…`. */
import { InputError } from "../io/faults.ts";

/** A predicate over (step from 0, number of steps). @throws InputError for a malformed selection. */
export function recordSelection(text: string): (step: number, steps: number) => boolean {
  if (text === "last") return (step, steps) => step === steps - 1;
  const every = /^every:([1-9]\d*)$/.exec(text);
  if (every !== null) {
    const period = Number(every[1]);
    return (step) => step % period === 0;
  }
  const list = /^steps:(\d+(?:,\d+)*)$/.exec(text);
  if (list !== null) {
    const wanted = new Set(list[1].split(",").map(Number));
    return (step) => wanted.has(step);
  }
  throw new InputError([`record: unknown selection, got "${text}"; known: last, every:N, steps:A,B,…`]);
}
