/** A text file that grows line by line, and is on the disk after each of them: a log that outlives the death of its writer. */

import { open, readFile } from "node:fs/promises";
import { writeFileAtomically } from "./atomic-file.ts";
import { InputError } from "./faults.ts";
import { isMissing } from "./read-file.ts";
import { writingFault } from "./writing-fault.ts";

/** An opened file and the lines that it holds. */
export class LineFile {
  readonly path: string;
  readonly #lines: string[];

  /** Use `openLines`. */
  constructor(path: string, lines: string[]) {
    this.path = path;
    this.#lines = lines;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Appends lines, which have no line end in them, and waits for the disk once. @throws Error naming the file. */
  async append(...lines: readonly string[]): Promise<void> {
    try {
      const file = await open(this.path, "a");
      try {
        await file.writeFile(lines.map((line) => `${line}\n`).join(""));
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw writingFault(this.path, cause);
    }
    this.#lines.push(...lines);
  }
}

/** Opens `path` and cuts it behind its first `keep` lines; where it has fewer whole ones, or does not exist, all are kept. @throws Error naming the file. */
export async function openLines(path: string, keep: number): Promise<LineFile> {
  const text =
    keep === 0
      ? ""
      : await readFile(path, "utf8").catch((cause: Error) => {
          if (isMissing(cause)) return "";
          throw new InputError([`${path}: cannot be read: ${cause.message}`], { cause });
        });
  // What follows the last line end is a line that its writer did not finish.
  const lines = text.split("\n").slice(0, -1).slice(0, keep);
  await writeFileAtomically(path, lines.map((line) => `${line}\n`).join(""));
  return new LineFile(path, lines);
}
