/** Reads the files that an index names, so that a missing or damaged one gives an error that names it. */
import { join } from "node:path";
import { readJsonFile } from "../../src/io/file-source.ts";
import { readBytes } from "../../src/io/read-file.ts";
import type { CaseEntry } from "./oracle.ts";

/** The JSON document that `entry` names as its `file`. Its content is only known once the adapter has read it. */
export async function readCase<Content>(dir: string, entry: CaseEntry): Promise<Content> {
  return (await readJsonFile(join(dir, fileOf(entry)))) as Content;
}

/** The file that `entry` names. Throws where it names none. */
export function fileOf(entry: { readonly file?: unknown }): string {
  if (typeof entry?.file !== "string") throw new Error(`the index names no file, got ${JSON.stringify(entry?.file)}`);
  return entry.file;
}

/** A file of `elements` packed bits. Throws when its size is another. */
export async function readBits(path: string, elements: number): Promise<Uint8Array> {
  const { bytes } = await readBytes(path);
  checkBits(bytes, elements, path);
  return bytes;
}

/** Throws unless `bytes` are as many as `elements` packed bits need. */
export function checkBits(bytes: Uint8Array, elements: number, where: string): void {
  const expected = Math.ceil(elements / 8);
  if (bytes.length !== expected) {
    throw new Error(`${where}: a mask of ${elements} elements takes ${expected} bytes, got ${bytes.length}`);
  }
}
