/** The command line of programs that run beside the tests: `npm run crash`, `npm run fuzz`, `npm run validate`. */
import { InputError, unknownName } from "../../src/io/faults.ts";

/** What `read` makes of the arguments. Ends the process with `usage` where they ask for help (0) or `read` throws (2). */
export function readCommandLine<T>(usage: string, read: () => T): T {
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

/** @throws InputError for a name that is not known. */
export function checkNames(option: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new InputError(unknown.map((name) => `--${option}: ${unknownName(option, name, known)}`));
}

/** A count or seed. @throws InputError */
export function count(option: string, text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InputError([`--${option}: must be an integer of at least 0, got "${text}"`]);
}
