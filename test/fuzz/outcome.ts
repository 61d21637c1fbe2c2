/** What reading a mutated file may end with: an answer that keeps its laws, or an `InputError` whose faults are lines of our own words. */
import { InputError } from "../../src/core/input/input-error.ts";
import { MOST_FAULT_CHARACTERS, MOST_FAULTS } from "../../src/core/input/limits.ts";
import { visible } from "../../src/core/input/visible-text.ts";

/** What reading a file below 1 MB may take. */
export const LIMITS = { cpuSeconds: 5, megabytes: 1024 };

/** How the runtime speaks of its own code, not of a file. */
const OF_THE_ENGINE =
  /Maximum call stack|primitive value|is not (a function|iterable|defined|a constructor)|of (undefined|null)\b|Cannot (read|set|convert|mix|destructure)|Invalid (array|string|typed array) length|Array buffer allocation|Cannot create|out of memory|\[object |ERR_[A-Z]|is not what its reader expects|needs larger arrays or texts|reading '/;

/** A law that an answer breaks. */
export class BrokenLaw extends Error {}

/** What `action` gives; whatever it throws is a broken law. */
export async function must<T>(law: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new BrokenLaw(`${law}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

export function ensure(holds: boolean, law: string): void {
  if (!holds) throw new BrokenLaw(law);
}

/** How a file was read. */
export interface Verdict {
  readonly isAnswered: boolean;
  /** What is wrong with how it was read; undefined where nothing is. */
  readonly fault?: string;
}

/** Runs `read` and judges how it ends, what it takes, and what it says. */
export async function verdictOf(read: () => unknown, limits = LIMITS): Promise<Verdict> {
  const before = process.resourceUsage();
  const { rss } = process.memoryUsage();
  const { emitWarning } = process;
  let isAnswered = false;
  let fault: string | undefined;
  process.emitWarning = (warning: string | Error) => {
    fault = `printed ${String(warning)}`;
  };
  try {
    await read();
    isAnswered = true;
  } catch (error) {
    fault ??= faultOf(error);
  } finally {
    process.emitWarning = emitWarning;
  }
  const after = process.resourceUsage();
  const seconds = (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6;
  if (seconds > limits.cpuSeconds) fault ??= `took ${seconds.toFixed(1)} s of CPU`;
  const megabytes = (after.maxRSS * 1024 - rss) / 2 ** 20;
  if (after.maxRSS > before.maxRSS && megabytes > limits.megabytes) fault ??= `took ${Math.round(megabytes)} MB`;
  return { isAnswered, ...(fault === undefined ? {} : { fault }) };
}

function faultOf(error: unknown): string | undefined {
  if (!(error instanceof InputError))
    return error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`;
  const { faults } = error;
  if (faults.length === 0 || faults.length > MOST_FAULTS + 1) return `an InputError with ${faults.length} faults`;
  for (const fault of faults) {
    const said = JSON.stringify(fault.slice(0, 500));
    if (fault.length > MOST_FAULT_CHARACTERS + 1) return `a fault of ${fault.length} characters: ${said}`;
    if (visible(fault) !== fault || fault.trim() === "") return `a fault that is no visible line: ${said}`;
    // The parser of JSON speaks of the file.
    if (OF_THE_ENGINE.test(fault.replace(/is not JSON: .*/, "")))
      return `a fault in words of the engine: ${said}\n${error.cause instanceof Error ? error.cause.stack : ""}`;
    if (/(^|\s)--[a-z]/.test(fault.replaceAll("--help", ""))) return `a fault that names an option: ${said}`;
  }
  return undefined;
}
