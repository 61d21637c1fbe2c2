/** Locks on file systems without hard links, as FAT, and with answers that get lost, as of NFS. */
import { execFileSync } from "node:child_process";
import type * as Files from "node:fs/promises";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { processSpace } from "../../src/io/processes.ts";
import { withLock } from "../../src/io/run-lock.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const links = vi.hoisted(() => ({ fault: "", isMade: false }));

vi.mock("node:fs/promises", async (original) => {
  const files = await original<typeof Files>();
  const link: typeof files.link = async (from, to) => {
    if (links.isMade) await files.link(from, to);
    throw Object.assign(new Error(`${links.fault}: link`), { code: links.fault });
  };
  return { ...files, link };
});

describe.each([
  ["without hard links", "EPERM", false],
  ["that does not know links", "ENOTSUP", false],
  ["that loses the answer to a link", "EEXIST", true],
])("a lock on a file system %s", (_, fault, isMade) => {
  beforeEach(() => void Object.assign(links, { fault, isMade }));

  it("is held by one at a time and leaves nothing behind", async () => {
    const path = join(await temporaryFolder(), "out/run.lock");
    await withLock(path, async (lock) => {
      await lock.check();
      expect(await readdir(dirname(path))).toEqual(["run.lock"]);
      expect(JSON.parse(await readFile(path, "utf8")).process).toBe(process.pid);
      const [refused] = await faultsOf(() => withLock(path, async () => "held"));
      expect(refused).toContain(`in use by process ${process.pid}`);
    });
    expect(await readdir(dirname(path))).toEqual([]);
  });

  it("of a dead process goes to exactly one of many", async () => {
    const path = join(await temporaryFolder(), "out/run.lock");
    await mkdir(dirname(path));
    const dead = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
    const owner = { process: dead, host: hostname(), ...processSpace(), since: "then", key: "dead" };
    await writeFile(path, JSON.stringify(owner));
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await new Promise((done) => setTimeout(done, 30));
      inside--;
      return "held";
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => withLock(path, work)));
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
    expect(await readdir(dirname(path))).toEqual([]);
  });
});
