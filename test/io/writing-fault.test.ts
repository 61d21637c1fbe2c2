import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeFileAtomically } from "../../src/io/atomic-file.ts";
import { InputError } from "../../src/io/faults.ts";
import { openLines } from "../../src/io/line-file.ts";
import { withLock } from "../../src/io/run-lock.ts";
import { writingFault } from "../../src/io/writing-fault.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const system = (code: string) =>
  Object.assign(new Error(`${code}: told by the system, open '/data/swat-sim.host.1.0123.partial'`), {
    code,
    syscall: "open",
  });

describe("a file that cannot be written", () => {
  it.each([
    ["ENOSPC", /the disk is full; valid: free/],
    ["EDQUOT", /quota/],
    ["EACCES", /no permission/],
    ["EROFS", /read-only/],
    ["EISDIR", /is a folder/],
    ["ENOTDIR", /is a file, not a folder/],
    ["ENAMETOOLONG", /too long/],
    ["EMFILE", /too many files open; valid: .*ulimit -n/],
    ["EFBIG", /larger than/],
  ])("says of %s what failed on which path and what would help", (code, reason) => {
    const fault = writingFault("out/result.json", system(code));
    expect(fault).toBeInstanceOf(InputError);
    expect(fault.message).toMatch(/^out\/result\.json: cannot be written: .*; valid: /);
    expect(fault.message).toMatch(reason);
    expect(fault.message).toContain(`(${code})`);
    expect(fault.message).not.toMatch(/partial|open '/);
  });

  it("leaves errors of what was to be written as they are", () => {
    for (const error of [new TypeError("x is undefined"), new InputError(["trace.safetensors: is cut"])])
      expect(writingFault("out/result.json", error)).toBe(error);
  });

  it("names the path of the user, whoever writes", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await mkdir(join(folder, "folder"));
    const long = "x".repeat(300);
    const writers: [path: string, write: () => Promise<unknown>][] = [
      ["file/below.json", () => writeFileAtomically(join(folder, "file/below.json"), "")],
      ["folder", () => writeFileAtomically(join(folder, "folder"), "")],
      [long, () => writeFileAtomically(join(folder, long), "")],
      ["file/log", () => openLines(join(folder, "file/log"), 0)],
      ["file/out", () => withLock(join(folder, "file/out/run.lock"), async () => {})],
    ];
    for (const [path, write] of writers) {
      const [fault, ...others] = await faultsOf(write);
      expect(fault.startsWith(`${join(folder, path)}: cannot be written: `), fault).toBe(true);
      expect(fault).toMatch(/; valid: .* \(E\w+\)$/);
      expect(fault).not.toMatch(/partial|mkdir|rename|open '/);
      expect(others).toEqual([]);
    }
  });

  it.skipIf(!existsSync("/dev/full"))("says so of a full disk", async () => {
    expect(await faultsOf(() => writeFileAtomically("/dev/full", "text"))).toEqual([
      "/dev/full: cannot be written: the disk is full; valid: free some of it, or another disk (ENOSPC)",
    ]);
  });
});
