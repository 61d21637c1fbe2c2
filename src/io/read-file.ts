/**
 * Whole-file reading for data sets: the first of several spellings of a name that exists, unpacked where it ends in
 * `.gz`. Every fault is one line that names the file.
 */

import { readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { MOST_UNPACKED_BYTES } from "../core/input/limits.ts";
import { InputError, reasonOf } from "./faults.ts";

const unpack = promisify(gunzip);

/** A file's path, for messages, and its bytes after unpacking. */
export interface FileBytes {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Names of what lies in `directory`, sorted. Throws where it is missing or is not a directory. */
export async function listDirectory(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (fault) {
    throw new InputError([`${directory}: cannot read this directory, got ${readingFault(fault)}`]);
  }
}

/** Names of the folders in `directory`, links to folders included, sorted; hidden ones (`.name`) are left out. Throws as `listDirectory`. */
export async function listFolders(directory: string): Promise<string[]> {
  const folders: string[] = [];
  for (const name of await listDirectory(directory)) {
    const status = name.startsWith(".") ? undefined : await stat(join(directory, name)).catch(() => undefined);
    if (status?.isDirectory()) folders.push(name);
  }
  return folders;
}

/** `path` itself, or where it is a directory the path of `name` in it. */
export async function fileWithin(path: string, name: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  return status?.isDirectory() ? join(path, name) : path;
}

/** What tells the file at a path from those that replace it: every atomic write makes another. */
export async function fileVersion(path: string): Promise<string> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status === undefined ? "missing" : `${status.ino} ${status.size} ${status.mtimeNs}`;
}

/** Reads the first of `names` in `directory`, each as it is or with `.gz`. Throws where none exists (listing them) or gzip data is damaged. */
export async function readFirstOf(
  directory: string,
  names: readonly string[],
  most = MOST_UNPACKED_BYTES,
): Promise<FileBytes> {
  const present = new Set(await listDirectory(directory));
  const candidates = names.flatMap((name) => [name, `${name}.gz`]);
  const name = candidates.find((candidate) => present.has(candidate));
  if (name === undefined) throw new InputError([`${directory}: file is missing, got none of ${candidates.join(", ")}`]);
  return readBytes(join(directory, name), most);
}

/** Reads a file whole; one that ends in `.gz` is unpacked. */
export async function readBytes(path: string, most = MOST_UNPACKED_BYTES): Promise<FileBytes> {
  const stored = await readFile(path).catch((fault: unknown) => {
    throw new InputError([`${path}: cannot be read, got ${readingFault(fault)}`]);
  });
  if (!path.endsWith(".gz")) return { path, bytes: stored };
  const bytes = await unpack(stored, { maxOutputLength: most }).catch((fault: unknown) => {
    if (fault instanceof RangeError) {
      throw new InputError([`${path}: unpacks to too many bytes, got over ${most}; valid: at most ${most}`], {
        cause: fault,
      });
    }
    throw new InputError([`${path}: gzip data is damaged, got ${readingFault(fault)}`]);
  });
  return { path, bytes };
}

/** Reads a file whole before it returns, for what is read one by one inside a step. Throws where it cannot be read. */
export function readBytesNow(path: string): FileBytes {
  try {
    return { path, bytes: readFileSync(path) };
  } catch (fault) {
    throw new InputError([`${path}: cannot be read, got ${readingFault(fault)}`]);
  }
}

/** Whether `fault` says that a file does not exist, as no other fault of reading does. */
export function isMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && (fault.code === "ENOENT" || fault.code === "ENOTDIR");
}

function readingFault(fault: unknown): string {
  if (!(fault instanceof Error)) return reasonOf(fault);
  const code = "code" in fault && typeof fault.code === "string" ? fault.code : "";
  if (code === "ENOENT") return "no such file or directory";
  if (code === "EISDIR") return "a directory, not a file";
  return reasonOf(fault);
}
