/** Files as byte sources, and the errors of opening a file put into words. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { MOST_JSON_BYTES } from "../core/input/limits.ts";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { faultsOf, InputError, reasonOf } from "./faults.ts";
import { decodeText, parseJson } from "./json.ts";
import { type ItemPlace, withoutItems } from "./json-items.ts";

/** What systems read at once; of a longer read Node ends the process. */
const MOST_READ_BYTES = 2 ** 31 - 1;

/** Files up to this size are read whole. */
const MOST_WHOLE_BYTES = 32 * 2 ** 20;
/** Reads of a header: its length, then its text. */
const HEADER_READS = 2;

/**
 * A byte source over a file. The file is opened for each read, so that nothing has to be closed; a small one of which more than
 * a header is wanted is read whole, once. @throws InputError naming the file.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const status = await named(path, () => stat(path));
  if (!status.isFile())
    throw new InputError([`${path}: is a ${status.isDirectory() ? "directory" : "pipe or device"}, not a file`]);
  const { size } = status;
  const read = (offset: number, length: number) => readRange(path, size, offset, length);
  if (size > MOST_WHOLE_BYTES) return { name: path, sizeBytes: size, read };
  let reads = 0;
  let whole: Promise<Uint8Array> | undefined;
  return {
    name: path,
    sizeBytes: size,
    async read(offset, length) {
      if (reads++ < HEADER_READS) return read(offset, length);
      whole ??= read(0, size);
      return memorySource(path, await whole).read(offset, length);
    },
  };
}

async function readRange(path: string, size: number, offset: number, length: number): Promise<Uint8Array> {
  if (length > MOST_READ_BYTES) {
    throw new InputError([`${path}: too many bytes to read at once, got ${length}; valid: at most ${MOST_READ_BYTES}`]);
  }
  const file = await named(path, () => open(path, "r"));
  try {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await named(path, () => file.read(bytes, 0, length, offset));
    if (bytesRead < length) {
      throw new InputError([`${path}: bytes ${offset}..${offset + length} are outside the file, got ${size} bytes`]);
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Parsed content of a JSON file, as `parseJson` reads it. @throws InputError naming the file. */
export async function readJsonFile(path: string): Promise<unknown> {
  const size = await sizeOfFile(path);
  if (size > MOST_JSON_BYTES) {
    throw new InputError([`${path}: is too large for JSON, got ${size} bytes; valid: at most ${MOST_JSON_BYTES}`]);
  }
  return parsed(decodeText(await named(path, () => readFile(path))), () => path);
}

/**
 * The same of a file of any size, in which the lists and objects at `paths` are empty: their items are read one by one, if somebody asks
 * for them; a field as an object with it alone.
 */
export async function readJsonItems(
  path: string,
  paths: readonly (readonly string[])[],
  onItem?: (value: unknown, place: ItemPlace) => void,
): Promise<unknown> {
  const others = await named(path, () =>
    withoutItems(createReadStream(path, "utf8"), path, paths, (text, place) => {
      onItem?.(
        parsed(text, () => `${path}: ${pathOf(paths[place.list], place.place)}`),
        place,
      );
    }),
  );
  return parsed(others, () => path);
}

function pathOf(path: readonly string[], place: readonly number[]): string {
  const indices = [...place];
  return `${path.map((key) => (key === "*" ? indices.shift() : key)).join(".")}.${indices}`;
}

/** Bytes of a file; 0 of a pipe. @throws InputError naming the file. */
export async function sizeOfFile(path: string): Promise<number> {
  return named(path, async () => (await stat(path)).size);
}

function parsed(text: string, where: () => string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InputError(
      faultsOf(cause).map((fault) => `${where()}: ${fault}`),
      { cause },
    );
  }
}

/** SHA-256 of a file in hexadecimal, read as a stream. @throws InputError naming the file. */
export async function sha256OfFile(path: string): Promise<string> {
  return named(path, async () => {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
    return hash.digest("hex");
  });
}

async function named<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT"
        ? "no such file"
        : code === "EACCES"
          ? "permission denied"
          : code === "EISDIR"
            ? "is a directory, not a file"
            : reasonOf(cause);
    throw new InputError([`${path}: ${reason}`], { cause });
  }
}
