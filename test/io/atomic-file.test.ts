import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdir, open, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeFileAtomically, writeJsonFile } from "../../src/io/atomic-file.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const IS_ROOT = process.getuid?.() === 0;

describe("an atomic file", () => {
  it("holds text or bytes as they were given, in folders that are made for it", async () => {
    const folder = await temporaryFolder();
    await writeFileAtomically(join(folder, "a/b/text"), "häßlich\n");
    await writeFileAtomically(join(folder, "a/b/bytes"), new Uint8Array([0, 255, 10]));
    await writeFileAtomically(join(folder, "a/b/parts"), [
      new Uint8Array([1, 2]),
      new Uint8Array([]),
      new Uint8Array([3]),
    ]);
    expect([...(await readFile(join(folder, "a/b/parts")))]).toEqual([1, 2, 3]);
    expect(await readFile(join(folder, "a/b/text"), "utf8")).toBe("häßlich\n");
    expect([...(await readFile(join(folder, "a/b/bytes")))]).toEqual([0, 255, 10]);
    expect(await readdir(join(folder, "a/b"))).toEqual(["bytes", "parts", "text"]);
  });

  it("replaces an older file", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, "a much longer content than the new one");
    await writeFileAtomically(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
  });

  it("removes what a dead process left unfinished, and nothing of other programs", async () => {
    const folder = await temporaryFolder();
    const host = hostname()
      .replace(/[^\w-]/g, "_")
      .slice(0, 32);
    const dead = execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }).trim();
    const key = "0123456789abcdef";
    const kept = ["movie.20231999.partial", `swat-sim.elsewhere.${dead}.${key}.partial`];
    const mine = `swat-sim.${host}.${process.pid}.${key}.partial`;
    for (const name of [...kept, mine, `swat-sim.${host}.${dead}.${key}.partial`])
      await writeFile(join(folder, name), "");
    await writeFileAtomically(join(folder, "file"), "whole");
    expect(await readdir(folder)).toEqual(["file", ...kept, mine].sort());
  });

  it("is never seen half written", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    const [small, large] = ["a".repeat(10), "b".repeat(20_000_000)];
    await writeFileAtomically(path, small);
    let finished = false;
    const writing = writeFileAtomically(path, large).finally(() => {
      finished = true;
    });
    const seen = new Set<number>();
    while (!finished) seen.add((await readFile(path)).length);
    await writing;
    for (const length of seen) expect([small.length, large.length]).toContain(length);
  });

  it("of a link is what the link names, there or not, and the link stays", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real/there"), "old");
    for (const name of ["there", "new"]) {
      const link = join(folder, name);
      await symlink(join("real", name), link);
      await symlink(name, `${link}-again`);
      await writeFileAtomically(`${link}-again`, `to ${name}`);
      expect([await readlink(link), await readlink(`${link}-again`)]).toEqual([join("real", name), name]);
      expect(await readFile(join(folder, "real", name), "utf8")).toBe(`to ${name}`);
    }
    expect((await readdir(join(folder, "real"))).sort()).toEqual(["new", "there"]);
  });

  it("of a link that leads nowhere yet comes where the system would look for it, through linked folders", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "far/away"), { recursive: true });
    await mkdir(join(folder, "here"));
    await symlink("../far/away", join(folder, "here/linked"));
    await symlink("../new", join(folder, "far/away/link"));
    await writeFileAtomically(join(folder, "here/linked/link"), "found");
    expect(await readFile(join(folder, "far/new"), "utf8")).toBe("found");
    expect(await readdir(join(folder, "here"))).toEqual(["linked"]);
  });

  it("keeps the permissions of the one that it replaces", async () => {
    const path = join(await temporaryFolder(), "mine");
    await writeFile(path, "old");
    await chmod(path, 0o640);
    await writeFileAtomically(path, "new");
    expect((await lstat(path)).mode & 0o777).toBe(0o640);
  });

  it.skipIf(process.platform !== "linux")("goes behind what is there where the file is open already", async () => {
    const path = join(await temporaryFolder(), "open");
    await writeFile(path, "before, ");
    const file = await open(path, "a");
    await writeFileAtomically(
      `/proc/self/fd/${file.fd}`,
      ["in between, ", "twice, "].map((text) => Buffer.from(text)),
    );
    await file.writeFile("after");
    await file.close();
    expect(await readFile(path, "utf8")).toBe("before, in between, twice, after");
  });

  it.skipIf(process.platform === "win32")("is no file where a pipe is: who reads it gets the content", async () => {
    const folder = await temporaryFolder();
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const reading = readFile(pipe, "utf8");
    await writeFileAtomically(pipe, "through the pipe");
    expect(await reading).toBe("through the pipe");
    expect((await lstat(pipe)).isFIFO()).toBe(true);
    expect(await readdir(folder)).toEqual(["pipe"]);
  });

  it("leaves nothing where the target is a folder, and names it", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "target"));
    const [fault, ...others] = await faultsOf(() => writeFileAtomically(join(folder, "target"), "text"));
    expect(fault).toMatch(`${join(folder, "target")}: cannot be written: `);
    expect(others).toEqual([]);
    expect(await readdir(folder)).toEqual(["target"]);
  });

  it("leaves nothing where a folder of its path is a file, and names itself", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "kept");
    const path = join(folder, "file/below");
    const [fault] = await faultsOf(() => writeFileAtomically(path, "text"));
    expect(fault.startsWith(`${path}: cannot be written: `), fault).toBe(true);
    expect(await readdir(folder)).toEqual(["file"]);
    expect(await readFile(join(folder, "file"), "utf8")).toBe("kept");
  });

  it.skipIf(IS_ROOT)("leaves nothing in a folder that may not be written, and names the file", async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o500);
    const path = join(folder, "file");
    const [fault] = await faultsOf(() => writeFileAtomically(path, "text"));
    await chmod(folder, 0o700);
    expect(fault.startsWith(`${path}: cannot be written: `), fault).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it("holds JSON that a person can read and ends its last line", async () => {
    const path = join(await temporaryFolder(), "file.json");
    await writeJsonFile(path, { a: [1] });
    expect(await readFile(path, "utf8")).toBe('{\n  "a": [\n    1\n  ]\n}\n');
  });
});
