/**
 * Files that appear whole or not at all: written beside their place under a temporary name, then renamed. What is no file, as a pipe or
 * a device, is written into; a link stays one, and what it names is written.
 */
import { type FileHandle, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isMissing } from "./read-file.ts";

const PARTIAL = /\.\d+\.partial$/;

type Content = string | Uint8Array | readonly Uint8Array[];

/** Writes `content`, or its parts one after another, to `path`, making its folders. Nothing is left behind on failure. @throws Error naming the file. */
export async function writeFileAtomically(path: string, content: Content): Promise<void> {
  try {
    const { target, isReplaced } = await placeOf(path);
    if (isReplaced) await replace(target, content);
    else await withFile(target, (file) => writeParts(file, content));
  } catch (cause) {
    throw new Error(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Where links lead to, and whether a file is there or may be made there. */
async function placeOf(path: string): Promise<{ readonly target: string; readonly isReplaced: boolean }> {
  const status = await statusOf(path);
  // A link to an open pipe, as /dev/stdout, leads to no path.
  if (status !== undefined && !status.isFile()) return { target: path, isReplaced: false };
  if (status !== undefined) return { target: await realpath(path), isReplaced: true };
  const link = await readlink(path).catch(() => undefined);
  return link === undefined ? { target: path, isReplaced: true } : placeOf(resolve(dirname(path), link));
}

async function replace(path: string, content: Content): Promise<void> {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    await makeFolder(dirname(path));
    await withFile(temporary, async (file) => {
      await writeParts(file, content);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (cause) {
    // Nothing may hide the first fault: where a folder is a file, removing fails too.
    await rm(temporary, { force: true }).catch(() => {});
    throw cause;
  }
}

/** Makes a folder and those above it, one by one: `mkdir` of all at once never ends below some folders, as /proc. */
async function makeFolder(path: string): Promise<void> {
  if ((await statusOf(path)) !== undefined) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
    // Somebody else may have made it meanwhile.
    if (cause.code !== "EEXIST") throw cause;
  });
}

/** Undefined where nothing is there. */
function statusOf(path: string) {
  return stat(path).catch((cause: Error) => {
    if (isMissing(cause)) return undefined;
    throw cause;
  });
}

async function withFile(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, "w");
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function writeParts(file: FileHandle, content: Content): Promise<void> {
  if (typeof content === "string") await file.writeFile(content);
  else for (const part of content instanceof Uint8Array ? [content] : content) await file.writeFile(part);
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
