/**
 * Every gate of `npm run check` catches a violation: each test plants one in a small tree of its own, with the
 * project's own settings, and sees the gate name it.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const SETTINGS = ["tsconfig.json", "biome.json", "knip.json", ".dependency-cruiser.cjs", "package.json"];

let tree = "";

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "swat-sim-gates-"));
  for (const file of SETTINGS) await cp(join(ROOT, file), join(tree, file));
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));
});

afterEach(() => rm(tree, { recursive: true }));

async function plant(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
}

function run(tool: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    execFile(join(ROOT, "node_modules/.bin", tool), args, { cwd: tree }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

const cruise = () => run("depcruise", "--config", ".dependency-cruiser.cjs", "src");

/** For each floor rule, files that break it and nothing else. */
const FLOOR_VIOLATIONS: Record<string, Record<string, string>> = {
  "no-cycle": {
    "src/io/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
    "src/io/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
  },
  "floor-0-imports-nothing-above": imports("src/kernels/a.ts", "src/trace/b.ts"),
  "floor-1-imports-floor-0": imports("src/trace/a.ts", "src/swat/b.ts"),
  "swat-and-sim-meet-in-a-trace": imports("src/sim/a.ts", "src/studies/b.ts"),
  "swat-never-imports-sim": imports("src/swat/a.ts", "src/sim/b.ts"),
  "sim-never-imports-swat": imports("src/sim/a.ts", "src/swat/b.ts"),
  "only-the-cli-imports-the-cli": imports("src/studies/a.ts", "src/cli/b.ts"),
  "reports-are-pure": imports("src/report/a.ts", "src/studies/b.ts"),
  "accelerators-stand-alone": imports("src/sim/accelerators/a.ts", "src/sim/accelerators/b.ts"),
  "disk-only-in-io-and-cli": {
    "src/studies/a.ts": 'import { readFile } from "node:fs/promises";\nexport const a = readFile;\n',
  },
  "browser-entries-reach-no-node-built-in": {
    "src/sim/index.ts": 'export * from "../io/a.ts";\n',
    "src/io/a.ts": 'export { readFile } from "node:fs/promises";\n',
  },
  "no-unresolvable-import": { "src/io/a.ts": 'export * from "./missing.ts";\n' },
};

function imports(from: string, to: string): Record<string, string> {
  const up = "../".repeat(from.split("/").length - 2);
  return {
    [from]: `import { b } from "${up}${to.slice("src/".length)}";\nexport const a = b;\n`,
    [to]: "export const b = 1;\n",
  };
}

describe("floors", () => {
  it("the planted violations cover every rule", async () => {
    const config = await readFile(join(ROOT, ".dependency-cruiser.cjs"), "utf8");
    const rules = [...config.matchAll(/^\s+name: "(.*)",$/gm)].map(([, name]) => name);
    expect(rules.sort()).toEqual(Object.keys(FLOOR_VIOLATIONS).sort());
  });

  it("a tree without violations passes, and its modules are seen", async () => {
    await plant(imports("src/cli/a.ts", "src/sim/b.ts"));
    const { code, output } = await cruise();
    expect(output).toMatch(/no dependency violations found \(2 modules/);
    expect(code).toBe(0);
  });

  it.each(Object.entries(FLOOR_VIOLATIONS))("%s is caught", async (rule, files) => {
    await plant(files);
    const { code, output } = await cruise();
    expect(output).toContain(`error ${rule}`);
    expect(code).not.toBe(0);
  });
});

describe("types", () => {
  it("a wrong type is caught", async () => {
    await plant({ "src/io/a.ts": 'export const a: number = "one";\n' });
    const { code, output } = await run("tsc", "--noEmit");
    expect(output).toContain("TS2322");
    expect(code).not.toBe(0);
  });
});

describe("lint", () => {
  it.each([
    ["noExplicitAny", "export const a = (b: any) => b;\n", "src/io/a.ts"],
    ["noConsole", 'console.log("from a library");\n', "src/sim/a.ts"],
    ["noEnum", "export enum A {\n  B,\n}\n", "src/io/a.ts"],
    ["useFilenamingConvention", "export const a = 1;\n", "src/io/camelCase.ts"],
    ["format", "export const a   =  1\n", "src/io/a.ts"],
  ])("%s is caught", async (rule, text, path) => {
    await plant({ [path]: text });
    const { code, output } = await run("biome", "check", "--vcs-enabled=false", path);
    expect(output).toContain(rule);
    expect(code).not.toBe(0);
  });
});

describe("unused code", () => {
  it("an export that nobody imports and a file that nobody reaches are caught", async () => {
    await plant({
      "src/index.ts": 'export { used } from "./io/a.ts";\n',
      "src/io/a.ts": "export const used = 1;\nexport const left = 2;\n",
      "src/io/forgotten.ts": "export const b = 1;\n",
    });
    const { code, output } = await run("knip");
    expect(output).toMatch(/left\s+.*src\/io\/a\.ts/);
    expect(output).toContain("src/io/forgotten.ts");
    expect(code).not.toBe(0);
  });
});

describe("the lock file", () => {
  it("names every platform's build of each optional dependency, so that npm ci works everywhere", async () => {
    const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});
