/**
 * Files that appear whole or not at all: written beside their place under a temporary name, then renamed. What is no file, as a pipe or
 * a device, is written into; a link stays one, and what it names is written.
 */

import { rmSync, writeFileSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { jsonParts } from "./json-parts.ts";
import { isRunning } from "./processes.ts";
import { isMissing } from "./read-file.ts";
import { isLeftBehind, temporaryName } from "./temporary-names.ts";
import { writingFault } from "./writing-fault.ts";

/** Folders in which this process has looked for what others left. */
const cleaned = new Set<string>();

type Part = string | Uint8Array;
/** A whole, or parts that may come as they are written. */
type Content = Part | Iterable<Part> | AsyncIterable<Part>;

/** Writes `content`, or its parts one after another, to `path`, making its folders. Nothing is left behind on failure. @throws Error naming the file. */
export async function writeFileAtomically(path: string, content: Content): Promise<void> {
  try {
    const { target, isReplaced, mode, descriptor } = await placeOf(path);
    if (isReplaced) await replace(target, mode, content);
    else if (descriptor !== undefined) for await (const part of partsOf(content)) writeFileSync(descriptor, part);
    else await withFile(target, "w", (file) => writeParts(file, content));
  } catch (cause) {
    throw writingFault(path, cause);
  }
}

interface Place {
  readonly target: string;
  /** Whether a file is there or may be made there; else it is written into. */
  readonly isReplaced: boolean;
  /** Of a file that is there. */
  readonly mode?: number;
  /** Of a file that this process was given open, as /dev/stdout leads to: what is written comes after what others wrote. */
  readonly descriptor?: number;
}

/** Where Linux has the open files of a process. */
const OPEN_FILE = /^\/proc\/(\d+)\/fd\/(\d+)$/;
const PERMISSIONS = 0o7777;

/** Where links lead to. */
async function placeOf(path: string): Promise<Place> {
  const status = await statusOf(path);
  // A link to an open pipe leads to no path.
  if (status !== undefined && !status.isFile()) return { target: path, isReplaced: false };
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  const [, owner, descriptor] = OPEN_FILE.exec(join(folder, basename(path))) ?? [];
  if (Number(owner) === process.pid) return { target: path, isReplaced: false, descriptor: Number(descriptor) };
  const link = await readlink(path).catch(() => undefined);
  if (link !== undefined) return placeOf(resolve(folder, link));
  return { target: path, isReplaced: true, ...(status === undefined ? {} : { mode: status.mode & PERMISSIONS }) };
}

async function replace(path: string, mode: number | undefined, content: Content): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName());
  addUnfinished(temporary);
  try {
    await makeFolder(folder);
    // A folder that may be written may be hidden from those who write.
    if (!cleaned.has(folder)) await removePartialFiles(folder).catch(() => {});
    cleaned.add(folder);
    await withFile(temporary, "wx", async (file) => {
      await writeParts(file, content);
      if (mode !== undefined) await file.chmod(mode);
      await file.sync();
    });
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (cause) {
    // Nothing may hide the first fault: removing also fails where a folder is a file.
    await rm(temporary, { force: true }).catch(() => {});
    throw cause;
  } finally {
    removeUnfinished(temporary);
  }
}

const ENDINGS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
const unfinished = new Set<string>();

/** While a file is unfinished, signals that end the process remove it. */
function addUnfinished(path: string): void {
  if (unfinished.size === 0) for (const name of ENDINGS) process.prependListener(name, endUnfinished);
  unfinished.add(path);
}

function removeUnfinished(path: string): void {
  unfinished.delete(path);
  if (unfinished.size === 0) for (const name of ENDINGS) process.off(name, endUnfinished);
}

function endUnfinished(name: NodeJS.Signals): void {
  // Others who listen end their work, and with it the writing. It is asked before they may stop listening.
  if (process.listenerCount(name) > 1) return;
  for (const path of unfinished) rmSync(path, { force: true });
  for (const ending of ENDINGS) process.off(ending, endUnfinished);
  process.kill(process.pid, name);
}

/** Makes a folder and those above it, one by one: `mkdir` of all at once never ends below some folders, as /proc. */
export async function makeFolder(path: string): Promise<void> {
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

/** Lets the new name outlive a loss of power, where the system can open folders. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

async function withFile(path: string, flags: "w" | "wx", work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function writeParts(file: FileHandle, content: Content): Promise<void> {
  for await (const part of partsOf(content)) await file.writeFile(part);
}

function partsOf(content: Content): Iterable<Part> | AsyncIterable<Part> {
  return typeof content === "string" || content instanceof Uint8Array ? [content] : content;
}

function* prettyLines(content: unknown): Generator<string> {
  yield* jsonParts(content, { spaces: 2 });
  yield "\n";
}

/** Pretty JSON with a final newline. */
export async function writeJsonFile(path: string, content: unknown): Promise<void> {
  await writeFileAtomically(path, prettyLines(content));
}

/** Removes the files in `directory` whose names match. @throws InputError naming one that cannot be removed. */
export async function removeFiles(directory: string, pattern: RegExp): Promise<void> {
  const names = (await readdir(directory)).filter((name) => pattern.test(name));
  const removed = async (path: string) =>
    rm(path, { force: true }).catch((cause: unknown) => {
      throw writingFault(path, cause);
    });
  await Promise.all(names.map((name) => removed(join(directory, name))));
}

/**
 * Removes what writers of this host that are dead have left unfinished in `directory`.
 * @param old names that earlier versions gave them, with the number of the process as their last group.
 */
export async function removePartialFiles(directory: string, old?: RegExp): Promise<void> {
  const isOfDead = (name: string) => {
    if (isLeftBehind(name, "file")) return true;
    const before = old?.exec(name)?.at(-1);
    return before !== undefined && !isRunning(Number(before));
  };
  const names = (await readdir(directory)).filter(isOfDead);
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true }).catch(() => {})));
}
