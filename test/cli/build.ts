/**
 * The program in JavaScript, as its users run it. Made before the tests, once for each state of the sources, and shared by all
 * test files: plain `node` starts three times as fast as `tsx`, and the tests of the command line start it hundreds of times.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import ts from "typescript";
import type { TestProject } from "vitest/node";

const ROOT = resolve(import.meta.dirname, "../..");
const TYPESCRIPT = /\.ts$/;

declare module "vitest" {
  interface ProvidedContext {
    /** Path of the program's entry file. */
    program: string;
  }
}

/** Vitest calls this before all tests. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("program", await builtProgram());
}

/** Path of the program's entry file. */
export async function builtProgram(): Promise<string> {
  const sources = await Promise.all(
    (await readdir(join(ROOT, "src"), { recursive: true }))
      .filter((name) => TYPESCRIPT.test(name))
      .sort()
      .map(async (name) => ({ name, text: await readFile(join(ROOT, "src", name), "utf8") })),
  );
  const builder = await readFile(join(import.meta.dirname, "build.ts"), "utf8");
  const state = createHash("sha256")
    .update(JSON.stringify([ROOT, builder, sources]))
    .digest("hex");
  const folder = join(tmpdir(), `swat-sim-build-${state.slice(0, 16)}`);
  const entry = join(folder, "dist/cli/main.js");
  if (await exists(entry)) return entry;

  const unfinished = await mkdtemp(join(tmpdir(), "swat-sim-build-"));
  for (const { name, text } of sources) {
    const path = join(unfinished, "dist", name.replace(TYPESCRIPT, ".js"));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, javaScript(text));
  }
  await copyFile(join(ROOT, "package.json"), join(unfinished, "package.json"));
  for (const name of ["node_modules", "hw-configs"])
    await symlink(join(ROOT, name), join(unfinished, name), "junction");
  await bundleTypebox(join(unfinished, "dist/node_modules/typebox"));
  // Another test file may have been first.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return entry;
}

/** Its 373 modules in one, found before the package itself: a third of the time in which a process or a thread starts. */
async function bundleTypebox(folder: string): Promise<void> {
  const outfile = join(folder, "index.js");
  const stdin = { contents: 'export * from "typebox";', resolveDir: ROOT };
  await build({ stdin, outfile, bundle: true, format: "esm", platform: "node", logLevel: "silent" });
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", exports: "./index.js" }));
}

function javaScript(text: string): string {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
