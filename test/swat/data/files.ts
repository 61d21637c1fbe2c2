/** What the tests of file formats share: temporary directories, small IDX files, where the real data lies. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished } from "vitest";

/** Real data sets lie beside the repository; tests that need one are skipped where it is absent. */
export function realData(name: string): { directory: string; absent: boolean } {
  const directory = resolve(import.meta.dirname, "../../../../shared/data", name);
  return { directory, absent: !existsSync(directory) };
}

/** A directory with `files` (`folder/file` makes the folder), removed after the test; a name that ends in `.gz` is packed. */
export async function directoryWith(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "swat-sim-data-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), name.endsWith(".gz") ? gzipSync(bytes) : bytes);
  }
  return directory;
}

/** An IDX file of unsigned bytes. */
export function idxFile(extents: readonly number[], elements: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * extents.length + elements.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + extents.length);
  extents.forEach((extent, dimension) => {
    view.setUint32(4 + 4 * dimension, extent);
  });
  bytes.set(elements, 4 + 4 * extents.length);
  return bytes;
}

/** The message of the error that `promise` ends in. */
export async function faultOf(promise: Promise<unknown>): Promise<string> {
  const fault = await promise.then(
    () => expect.fail("expected an error"),
    (reason: unknown) => reason,
  );
  return fault instanceof Error ? fault.message : String(fault);
}
