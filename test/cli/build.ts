/**
 * The program in JavaScript, as its users run it. Made before the tests, once for each state of the sources, and shared by all
 * test files: plain `node` starts three times as fast as `tsx`, in few files instead of hundreds twice as fast again, and the tests
 * of the command line start processes and threads of it hundreds of times.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import { bundleDrawing, bundleProgram, copyMathjs } from "../../scripts/bundle-program.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const TYPESCRIPT = /\.ts$/;

/** What is started or imported, by its place in `dist/`; what they share lies beside the threads, which are found from there. */
const ENTRIES = {
  index: "src/index.ts",
  "sim/index": "src/sim/index.ts",
  "trace/index": "src/trace/index.ts",
  "cli/run-command": "src/cli/run-command.ts",
};

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
  const builders = [join(import.meta.dirname, "build.ts"), join(ROOT, "scripts/bundle-program.ts")];
  const builder = await Promise.all(builders.map((path) => readFile(path, "utf8")));
  const state = createHash("sha256")
    .update(JSON.stringify([ROOT, builder, sources]))
    .digest("hex");
  const folder = join(tmpdir(), `swat-sim-build-${state.slice(0, 16)}`);
  const entry = join(folder, "dist/cli/main.js");
  if (await exists(entry)) return entry;

  const unfinished = await mkdtemp(join(tmpdir(), "swat-sim-build-"));
  await bundleSources(join(unfinished, "dist"));
  const { outputs } = await bundleProgram(join(unfinished, "dist"));
  const contents = Object.entries(outputs).map(([path, { inputs }]) => [basename(path), Object.keys(inputs)]);
  await writeFile(join(unfinished, "contents.json"), JSON.stringify(Object.fromEntries(contents)));
  await bundleDrawing(join(unfinished, "dist"));
  await copyMathjs(join(unfinished, "dist"));
  await copyFile(join(ROOT, "package.json"), join(unfinished, "package.json"));
  for (const name of ["node_modules", "hw-configs"])
    await symlink(join(ROOT, name), join(unfinished, name), "junction");
  // Another test file may have been first.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return entry;
}

/** Sources in few files; packages are imported as after an installation, so that browsers may get what they may have. */
async function bundleSources(outdir: string): Promise<void> {
  await build({
    ...{ absWorkingDir: ROOT, entryPoints: ENTRIES, outdir, chunkNames: "cli/[name]-[hash]", logLevel: "silent" },
    ...{ bundle: true, splitting: true, format: "esm", platform: "neutral", packages: "external" },
    external: ["node:*"],
  });
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
