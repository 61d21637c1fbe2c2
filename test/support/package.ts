/** The package as one who installed it sees it: a folder in which `import "swat-sim"` means what the build made of these sources. */
import { copyFile, cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { builtProgram } from "../cli/build.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** A new folder with the package and a copy of its examples, and what removes it. */
export async function packageFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-package-"));
  await symlink(resolve(dirname(await builtProgram()), ".."), join(folder, "dist"), "junction");
  for (const name of ["node_modules", "hw-configs", "traces"]) {
    await symlink(join(ROOT, name), join(folder, name), "junction");
  }
  await copyFile(join(ROOT, "package.json"), join(folder, "package.json"));
  await cp(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
