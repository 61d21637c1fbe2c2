import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkOutputs } from "../../../src/cli/options/outputs.ts";
import { faultsOf, temporaryFolder } from "../../support/folder.ts";
import { ROOT, swatSim } from "../program.ts";

it("a file that is read, or that two options name, is not written, whatever its path looks like", async () => {
  const folder = await temporaryFolder();
  const [input, link, other] = ["input", "link", "other"].map((name) => join(folder, name));
  await writeFile(input, "");
  await symlink(input, link);
  await checkOutputs({ "--out": other, "--csv": undefined }, [input]);
  expect(await faultsOf(() => checkOutputs({ "--out": link }, [input]))).toEqual([
    `--out: ${link} is also read by this command; valid: another file`,
  ]);
  expect(await faultsOf(() => checkOutputs({ "--out": other, "--csv": join(folder, "./other") }, []))).toEqual([
    `--csv: ${join(folder, "other")} is also named by --out; valid: another file`,
  ]);
});

it("simulate, report and check record keep what they read", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "kept");
  const bytes = await readFile(join(ROOT, "traces/resnet8-dense.safetensors"));
  await writeFile(path, bytes);
  const hw = ["--hw", "scnn-4096"];
  for (const args of [
    ["simulate", path, ...hw, "--out", path],
    ["check", "record", path, ...hw, "-o", path],
    ["report", path, "--html", path],
  ]) {
    const { code, stderr } = await swatSim(args);
    expect(stderr).toContain("is also read by this command; valid: another file");
    expect(code).toBe(1);
  }
  expect((await readFile(path)).equals(bytes)).toBe(true);
});
