import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { removePartialFiles } from "../../src/io/atomic-file.ts";
import { openLines } from "../../src/io/line-file.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

describe("a file of lines", () => {
  it.each([
    [0, []],
    [2, ["a", "b"]],
    [3, ["a", "b", "c"]],
    [9, ["a", "b", "c"]],
  ])("opened to keep %i lines has %o of three and a half, and grows from there", async (keep, kept) => {
    const path = join(await temporaryFolder(), "log");
    await writeFile(path, "a\nb\nc\nunfinis");
    const file = await openLines(path, keep);
    expect(file.lines).toEqual(kept);
    await file.append("new");
    expect(file.lines).toEqual([...kept, "new"]);
    expect(await readFile(path, "utf8")).toBe([...kept, "new", ""].join("\n"));
  });

  it("takes several lines at once", async () => {
    const path = join(await temporaryFolder(), "log");
    const file = await openLines(path, 0);
    await file.append("a", "b");
    await file.append();
    await file.append("c");
    expect(await readFile(path, "utf8")).toBe("a\nb\nc\n");
    expect(file.lines).toEqual(["a", "b", "c"]);
  });

  it("is made with its folders, and names itself where it cannot be written", async () => {
    const folder = await temporaryFolder();
    const file = await openLines(join(folder, "new/log"), 5);
    expect(await readdir(join(folder, "new"))).toEqual(["log"]);
    expect(await faultsOf(() => openLines(join(file.path, "log"), 0))).toEqual([
      expect.stringMatching(/new\/log\/log: cannot be written: /),
    ]);
  });

  it("is left as it is where it cannot be read", async () => {
    const path = join(await temporaryFolder(), "log");
    await mkdir(path);
    expect(await faultsOf(() => openLines(path, 1))).toEqual([expect.stringMatching(/log: cannot be read: EISDIR/)]);
    await writeFile(join(path, "kept"), "");
  });
});

it("what killed writers left unfinished is removed, and nothing else", async () => {
  const folder = await temporaryFolder();
  const names = ["a.safetensors", "b.partial", "c.12.partial.txt"];
  await Promise.all(names.map((name) => writeFile(join(folder, name), "")));
  const dead = execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }).trim();
  const old = [`a.safetensors.${dead}.partial`, `b.safetensors.${dead}.partial`];
  await Promise.all(old.map((name) => writeFile(join(folder, name), "")));
  await removePartialFiles(folder);
  expect(await readdir(folder)).toEqual([...names, ...old].sort());
  await removePartialFiles(folder, /^a\.safetensors\.(\d+)\.partial$/);
  expect(await readdir(folder)).toEqual([...names, old[1]].sort());
});
