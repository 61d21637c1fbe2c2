/** Files that appear whole or not at all: written beside their place under a temporary name, then renamed. */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const PARTIAL = /\.\d+\.partial$/;

/** Writes `content`, or its parts one after another, to `path`, making its folders. Nothing is left behind on failure. @throws Error naming the file. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w");
    try {
      if (typeof content === "string") await file.writeFile(content);
      else for (const part of content instanceof Uint8Array ? [content] : content) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    // Nothing may hide the first fault: where a folder is a file, removing fails too.
    await rm(temporary, { force: true }).catch(() => {});
    throw new Error(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Pretty JSON with a final newline. */
export async function writeJsonFile(path: string, content: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** Removes the files in `directory` whose names match. */
export async function removeFiles(directory: string, pattern: RegExp): Promise<void> {
  const names = (await readdir(directory)).filter((name) => pattern.test(name));
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })));
}

/** Removes what writers that were killed have left unfinished in `directory`. */
export async function removePartialFiles(directory: string): Promise<void> {
  await removeFiles(directory, PARTIAL);
}
