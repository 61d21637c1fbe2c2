/** Files that a command is to write, checked before it works: none may be one that it reads, or stand for two. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { InputError } from "../../io/faults.ts";

/**
 * @param outputs option → the file it names, if any.
 * @throws InputError naming the option for a file that is also an input, or that an earlier option names.
 */
export async function checkOutputs(
  outputs: Readonly<Record<string, string | undefined>>,
  inputs: readonly string[],
): Promise<void> {
  const taken = new Map<string, string>();
  for (const path of inputs) taken.set(await placeOf(path), "is also read by this command");
  const faults: string[] = [];
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    const place = await placeOf(path);
    const why = taken.get(place);
    if (why !== undefined) faults.push(`${option}: ${path} ${why}; valid: another file`);
    taken.set(place, `is also named by ${option}`);
  }
  if (faults.length > 0) throw new InputError(faults);
}

/** Where a path leads to. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
