/** Files as byte sources, and the errors of opening a file put into words. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { MOST_JSON_BYTES } from "../core/input/limits.ts";
import type { ByteSource } from "./byte-source.ts";
import { faultsOf, InputError, reasonOf } from "./faults.ts";
import { decodeText, parseJson } from "./json.ts";

/** A byte source over a file. The file is opened for each read, so that nothing has to be closed. @throws InputError naming the file. */
export async function fileSource(path: string): Promise<ByteSource> {
  const status = await named(path, () => stat(path));
  if (!status.isFile())
    throw new InputError([`${path}: is a ${status.isDirectory() ? "directory" : "pipe or device"}, not a file`]);
  const { size } = status;
  return {
    name: path,
    sizeBytes: size,
    async read(offset, length) {
      const file = await named(path, () => open(path, "r"));
      try {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await named(path, () => file.read(bytes, 0, length, offset));
        if (bytesRead < length) {
          throw new InputError([
            `${path}: bytes ${offset}..${offset + length} are outside the file, got ${size} bytes`,
          ]);
        }
        return bytes;
      } finally {
        await file.close();
      }
    },
  };
}

/** Parsed content of a JSON file, as `parseJson` reads it. @throws InputError naming the file. */
export async function readJsonFile(path: string): Promise<unknown> {
  const { size } = await named(path, () => stat(path));
  if (size > MOST_JSON_BYTES) {
    throw new InputError([`${path}: is too large for JSON, got ${size} bytes; valid: at most ${MOST_JSON_BYTES}`]);
  }
  const text = decodeText(await named(path, () => readFile(path)));
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InputError(
      faultsOf(cause).map((fault) => `${path}: ${fault}`),
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
