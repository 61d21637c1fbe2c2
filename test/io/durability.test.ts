/** What outlives a loss of power, and what a file that somebody has laid in the way may not get: seen at the calls to the system. */
import crypto from "node:crypto";
import { readlinkSync } from "node:fs";
import { type FileHandle, open, readFile, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeFileAtomically } from "../../src/io/atomic-file.ts";
import { openLines } from "../../src/io/line-file.ts";
import { withLock } from "../../src/io/run-lock.ts";
import { temporaryName } from "../../src/io/temporary-names.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

describe.skipIf(process.platform !== "linux")("what is written", () => {
  let handle: FileHandle;
  let sync: FileHandle["sync"];
  const synced: string[] = [];
  beforeEach(async () => {
    const file = await open(import.meta.filename);
    handle = Object.getPrototypeOf(file);
    await file.close();
    ({ sync } = handle);
    synced.length = 0;
    handle.sync = function (this: FileHandle) {
      synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
      return sync.call(this);
    };
  });
  afterEach(() => {
    handle.sync = sync;
  });

  it("is on the disk before it gets its name, and its folder afterwards", async () => {
    const folder = await temporaryFolder();
    await writeFileAtomically(join(folder, "file"), "text");
    expect(synced).toEqual([expect.stringMatching(/\.partial$/), folder]);
  });

  it("as a line is on the disk before it counts", async () => {
    const path = join(await temporaryFolder(), "lines");
    const file = await openLines(path, 0);
    synced.length = 0;
    await file.append("one", "two");
    expect(synced).toEqual([path]);
  });
});

describe("a link in the way of a temporary file, whose name somebody has guessed", () => {
  const { randomBytes } = crypto;
  beforeEach(() => {
    crypto.randomBytes = ((size: number) => Buffer.alloc(size, 7)) as typeof randomBytes;
    syncBuiltinESMExports();
  });
  afterEach(() => {
    crypto.randomBytes = randomBytes;
    syncBuiltinESMExports();
  });

  it.each<[string, (folder: string) => Promise<unknown>]>([
    ["a file", (folder) => writeFileAtomically(join(folder, "file"), "new")],
    ["a lock", (folder) => withLock(join(folder, "run.lock"), async () => {})],
  ])("is not followed by %s", async (_, write) => {
    const folder = await temporaryFolder();
    const target = join(folder, "target");
    await writeFile(target, "kept");
    await symlink(target, join(folder, temporaryName()));
    expect((await faultsOf(() => write(folder)))[0]).toMatch(/cannot be written: .*EEXIST|exists/);
    expect(await readFile(target, "utf8")).toBe("kept");
  });
});
