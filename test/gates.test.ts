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

/** For each floor rule, the file that breaks it, what that file imports, and whatever else is needed for it. */
const FLOOR_VIOLATIONS: Record<string, { from: string; to: string; others?: Record<string, string> }> = {
  "no-cycle": {
    from: "src/io/cycle-a.ts",
    to: "src/io/cycle-b.ts",
    others: { "src/io/cycle-b.ts": 'import { a } from "./cycle-a.ts";\nexport const b = a;\n' },
  },
  "core-imports-only-what-lies-below": { from: "src/core/above.ts", to: "src/io/b.ts" },
  "io-imports-only-what-lies-below": { from: "src/io/above.ts", to: "src/trace/b.ts" },
  "kernels-imports-only-what-lies-below": { from: "src/kernels/above.ts", to: "src/trace/b.ts" },
  "networks-imports-only-what-lies-below": { from: "src/networks/above.ts", to: "src/trace/b.ts" },
  "sparsity-imports-only-what-lies-below": { from: "src/sparsity/above.ts", to: "src/networks/b.ts" },
  "trace-imports-only-what-lies-below": { from: "src/trace/above.ts", to: "src/step/b.ts" },
  "step-imports-only-what-lies-below": { from: "src/step/above.ts", to: "src/sim/b.ts" },
  "sim-imports-only-what-lies-below": { from: "src/sim/above.ts", to: "src/kernels/b.ts" },
  "synthetic-imports-only-what-lies-below": { from: "src/synthetic/above.ts", to: "src/swat/b.ts" },
  "swat-imports-only-what-lies-below": { from: "src/swat/above.ts", to: "src/sim/b.ts" },
  "runs-imports-only-what-lies-below": { from: "src/runs/above.ts", to: "src/api/b.ts" },
  "report-imports-only-what-lies-below": { from: "src/report/above.ts", to: "src/swat/b.ts" },
  "api-imports-only-what-lies-below": { from: "src/api/above.ts", to: "src/report/b.ts" },
  "studies-imports-only-what-lies-below": { from: "src/studies/above.ts", to: "src/cli/b.ts" },
  "lanes-imports-no-other-family": { from: "src/sim/arrays/lanes/a.ts", to: "src/sim/arrays/cartesian/b.ts" },
  "cartesian-imports-no-other-family": { from: "src/sim/arrays/cartesian/a.ts", to: "src/sim/arrays/sigma/b.ts" },
  "sigma-imports-no-other-family": { from: "src/sim/arrays/sigma/a.ts", to: "src/sim/arrays/systolic/b.ts" },
  "systolic-imports-no-other-family": { from: "src/sim/arrays/systolic/a.ts", to: "src/sim/arrays/lanes/b.ts" },
  "memory-imports-no-array": { from: "src/sim/memory/a.ts", to: "src/sim/arrays/lanes/b.ts" },
  "accelerators-stand-alone": { from: "src/sim/arrays/a.ts", to: "src/sim/arrays/b.ts" },
  "disk-only-in-io-and-cli": { from: "src/studies/c.ts", to: "fs/promises" },
  "browser-entries-reach-no-node-built-in": {
    from: "src/sim/index.ts",
    to: "fs/promises",
    others: {
      "src/sim/index.ts": 'export * from "../io/a.ts";\n',
      "src/io/a.ts": 'export { readFile } from "node:fs/promises";\n',
    },
  },
  "no-unresolvable-import": { from: "src/io/c.ts", to: "./missing.ts" },
};

/** One file that imports another, and that other one. */
function imports(from: string, to: string): Record<string, string> {
  const up = "../".repeat(from.split("/").length - 2);
  const target = { "./missing.ts": to, "fs/promises": `node:${to}` }[to] ?? `${up}${to.slice("src/".length)}`;
  const files = { [from]: `import { b } from "${target}";\nexport const a = b;\n` };
  return to.startsWith("src/") ? { ...files, [to]: "export const b = 1;\n" } : files;
}

describe("floors", () => {
  it("the planted violations cover every rule", async () => {
    const { default: config } = await import(join(ROOT, ".dependency-cruiser.cjs"));
    const rules = config.forbidden.map(({ name }: { name: string }) => name);
    expect(rules.sort()).toEqual(Object.keys(FLOOR_VIOLATIONS).sort());
  });

  it("a tree without violations passes, and its modules are seen", async () => {
    await plant(imports("src/cli/a.ts", "src/sim/b.ts"));
    const { code, output } = await cruise();
    expect(output).toMatch(/no dependency violations found \(2 modules/);
    expect(code).toBe(0);
  });

  it("each rule names the file that breaks it and what that file imports, and no other breaks the rule", async () => {
    for (const { from, to, others } of Object.values(FLOOR_VIOLATIONS))
      await plant({ ...imports(from, to), ...others });
    const { code, output } = await cruise();
    const caught = [...output.matchAll(/^ *error ([\w-]+): (\S+) → *(?:\n +)?(\S+)/gm)];
    const expected = Object.entries(FLOOR_VIOLATIONS).map(([rule, { from, to }]) => `${rule}: ${from} → ${to}`);
    expect(caught.map(([, rule, from, to]) => `${rule}: ${from} → ${to}`).sort()).toEqual(expected.sort());
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

/** For each rule, the file that breaks it, and that alone. */
const LINT_VIOLATIONS: Record<string, readonly [path: string, text: string]> = {
  noExplicitAny: ["src/io/a.ts", "export const a = (b: any) => b;\n"],
  noConsole: ["src/sim/a.ts", 'console.log("from a library");\n'],
  noEnum: ["src/io/b.ts", "export enum A {\n  B,\n}\n"],
  useFilenamingConvention: ["src/io/camelCase.ts", "export const a = 1;\n"],
  noExcessiveLinesPerFunction: ["src/io/d.ts", `export function a(): void {\n${"  a();\n".repeat(61)}}\n`],
  useMaxParams: [
    "src/io/e.ts",
    "export const a = (b: 1, c: 1, d: 1, e: 1, f: 1, g: 1): number => b + c + d + e + f + g;\n",
  ],
  format: ["src/io/c.ts", "export const a   =  1\n"],
};

describe("lint", () => {
  it("each rule names the file that breaks it, and no other", async () => {
    await plant(Object.fromEntries(Object.values(LINT_VIOLATIONS)));
    const { code, output } = await run("biome", "check", "--vcs-enabled=false", "src");
    const caught = [...output.matchAll(/^(src\/[\w/]+\.ts)[\d:]* (?:lint\/\w+\/)?(\w+) /gm)];
    const expected = Object.entries(LINT_VIOLATIONS).map(([rule, [path]]) => `${rule}: ${path}`);
    expect(caught.map(([, path, rule]) => `${rule}: ${path}`).sort()).toEqual(expected.sort());
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
