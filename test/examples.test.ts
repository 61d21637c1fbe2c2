/** Every example runs as its first comment says, importing the package by its name, and uses it as its types allow. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shippedMachines, simulate, synthesizeTrace, writeTrace } from "../src/index.ts";
import { launchChromium, NO_CHROMIUM } from "./support/browser.ts";
import { packageFolder } from "./support/package.ts";

const ROOT = resolve(import.meta.dirname, "..");
/** Those of the page. */
const MACHINES = ["bit-tactical-4096", "ideal-4096", "tensordash-4096"];
const TRACE = "step.safetensors";
const STEP = { network: "lenet5", images: [1, 12, 12], batch: 1, sparsity: 0.9 } as const;
/** Modules that `--machine` and `--method-module` load; test/api/own-machine.test.ts and own-method.test.ts run them. */
const MODULES = ["broadcast.js", "prune-at.js"];

let installed: Awaited<ReturnType<typeof packageFolder>>;
let trace = "";
let browser: Browser | undefined;
beforeAll(async () => {
  installed = await packageFolder();
  trace = join(installed.folder, TRACE);
  await writeTrace(trace, synthesizeTrace(STEP));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await installed.remove();
});

/** What an example prints. */
async function run(name: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const script = join(installed.folder, "examples", name);
  return promisify(execFile)(process.execPath, [script, ...args], { cwd: installed.folder });
}

describe("examples", () => {
  it("are all run here", async () => {
    const scripts = (await readdir(join(ROOT, "examples"), { recursive: true })).filter((name) => name.endsWith(".js"));
    const known = ["train-and-simulate.js", "compare-machines.js", "browser/main.js", ...MODULES];
    expect(scripts.sort()).toEqual(known.sort());
  });

  it("use the library as its types allow", () => {
    const names = ["train-and-simulate.js", "compare-machines.js", "browser/main.js"];
    const files = names.map((name) => join(ROOT, "examples", name));
    const program = ts.createProgram(files, {
      ...{ allowJs: true, checkJs: true, noEmit: true, strict: true, skipLibCheck: true, resolveJsonModule: true },
      ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, allowImportingTsExtensions: true },
      ...{ moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ["node"] },
      lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
      paths: {
        "swat-sim": [join(ROOT, "src/index.ts")],
        "swat-sim/hw-configs/*": [join(ROOT, "hw-configs/*")],
        "swat-sim/*": [join(ROOT, "src/*/index.ts")],
      },
    });
    const faults = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
    expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });

  it("train-and-simulate.js tells its steps, learns something and compares two machines", async () => {
    const { stdout, stderr } = await run("train-and-simulate.js", join(installed.folder, "out"));
    expect(stderr.match(/^step \d+ of 16: loss \d/gm)).toHaveLength(16);
    expect(stdout).toMatch(/^test accuracy 0\.\d+, recorded .*step-000015\.safetensors$/m);
    for (const machine of ["tensordash-4096", "bit-tactical-4096"]) {
      expect(stdout).toMatch(new RegExp(`^${machine}( +\\d[\\d.]*){6}$`, "m"));
    }
  });

  it("compare-machines.js prints a line for each machine of 4,096 MACs, with the speed-up that a simulation together gives", async () => {
    const { stdout } = await run("compare-machines.js", trace);
    const names = [...stdout.matchAll(/^(.*): /gm)].map(([, name]) => name);
    expect(names).toEqual((await shippedMachines()).filter((name) => name.endsWith("-4096")));
    const { machines } = await simulate({ traces: [trace], machines: MACHINES });
    for (const { name, totals } of machines) {
      expect(stdout).toMatch(
        new RegExp(`^${name}: .*, ${totals.training.speedup?.toFixed(2)} × over dadiannao-4096,`, "m"),
      );
    }
  });

  it("the page of browser/ simulates the file that is chosen, and gives the result that Node gives", async ({
    skip,
  }) => {
    if (browser === undefined) return skip(NO_CHROMIUM);
    const sources = ["main.js", "index.html"].map((name) => join(installed.folder, "examples/browser", name));
    const outdir = join(installed.folder, "out/browser");
    await build({ entryPoints: sources, bundle: true, loader: { ".html": "copy" }, outdir, logLevel: "silent" });
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`file://${join(outdir, "index.html")}`);

    await page.setInputFiles("#trace", join(ROOT, "README.md"));
    await page.getByText("InputError: ").waitFor();
    expect(await page.locator("#status").innerText()).toMatch(/^InputError: README\.md: /);

    await page.setInputFiles("#trace", trace);
    await page.getByText(`simulated ${TRACE}`).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download a")]);
    expect(download.suggestedFilename()).toBe("result.json");
    const { machines: here } = await simulate({ traces: [trace], machines: MACHINES });
    const { machines: there } = JSON.parse(await readFile(await download.path(), "utf8"));
    expect(await page.locator("#machines tr td:nth-child(2)").allInnerTexts()).toEqual(
      here.map(({ totals }) => totals.training.speedup?.toFixed(2)),
    );
    for (const [index, { rows }] of here.entries()) {
      expect(there[index].rows).toEqual(rows.map(({ energy: _, ...row }) => row));
    }
    expect(complaints).toEqual([]);
  });
});
