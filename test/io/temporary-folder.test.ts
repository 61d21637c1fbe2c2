import { execFileSync } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withTemporaryFolder } from "../../src/io/temporary-folder.ts";
import { isLeftBehind, temporaryName, temporaryPrefix } from "../../src/io/temporary-names.ts";
import { temporaryFolder } from "../support/folder.ts";

/** As `temporaryPrefix`, of a process that has ended. */
function deadPrefix(): string {
  const dead = execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }).trim();
  return temporaryPrefix().replace(`.${process.pid}.`, `.${dead}.`);
}

describe("a temporary folder", () => {
  const { TMPDIR } = process.env;
  let place: string;
  beforeEach(async () => {
    place = await temporaryFolder();
    process.env.TMPDIR = place;
  });
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  it.skipIf(process.platform === "win32")(
    "is there while something works, and gone afterwards, with what is in it",
    async () => {
      await withTemporaryFolder(async (folder) => {
        await writeFile(join(folder, "file"), "text");
        expect((await readdir(place)).map((name) => join(place, name))).toEqual([folder]);
      });
      await expect(withTemporaryFolder(() => Promise.reject(new Error("of the work")))).rejects.toThrow("of the work");
      expect(await readdir(place)).toEqual([]);
    },
  );

  it.skipIf(process.platform === "win32")(
    "of a process that was killed is removed by the next one, and nothing else",
    async () => {
      const dead = deadPrefix();
      const kept = [
        `${temporaryPrefix()}living`,
        `${dead.replace("swat-sim", "other")}abc`,
        `${dead}file`,
        `${dead}link`,
      ];
      for (const name of [kept[0], kept[1], `${dead}Ab3xYz/within`])
        await mkdir(join(place, name), { recursive: true });
      await writeFile(join(place, kept[2]), "");
      await symlink(join(place, kept[0]), join(place, kept[3]));
      await withTemporaryFolder(async () => {});
      expect(await readdir(place)).toEqual(kept.sort());
    },
  );
});

it("a name is of a dead process by its number and host, as the file or the folder that it names", () => {
  expect(isLeftBehind(temporaryName(), "file")).toBe(false);
  const name = temporaryName().replace(temporaryPrefix(), deadPrefix());
  expect([isLeftBehind(name, "file"), isLeftBehind(name, "folder")]).toEqual([true, false]);
  expect(isLeftBehind(name.replace(/^swat-sim\.[\w-]*/, "swat-sim.elsewhere"), "file")).toBe(false);
});
