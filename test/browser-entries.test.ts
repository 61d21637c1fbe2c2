/** `swat-sim/sim` and `swat-sim/trace` in a browser bundle give the very bytes that they give on Node. */
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { shippedMachines } from "../src/api/open.ts";
import { synthesizeTrace, writeTrace } from "../src/index.ts";
import { readJsonFile } from "../src/io/file-source.ts";
import { accelerators, resolveEnergyTable, resolveMachine, simulate } from "../src/sim/index.ts";
import { identifyTrace, verifyTrace } from "../src/trace/index.ts";
import { launchChromium, NO_CHROMIUM } from "./support/browser.ts";
import { packageFolder } from "./support/package.ts";

const ROOT = resolve(import.meta.dirname, "..");
const TRACE = "step.safetensors";
const STEP = { network: "resnet8", images: [3, 8, 8], batch: 2, sparsity: 0.9 } as const;

/** What the page offers to the test. */
const ENTRY = `
import { accelerators, resolveEnergyTable, resolveMachine, simulate } from "swat-sim/sim";
import { identifyTrace, verifyTrace } from "swat-sim/trace";

globalThis.answer = async ({ name, base64, configs, table }) => {
  const trace = await identifyTrace(name, Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
  const machines = configs.map((config) => resolveMachine(config, config.name, accelerators));
  const energy = machines.map(() => resolveEnergyTable(table, table.name));
  const result = await simulate({ traces: [trace], machines, energy });
  return JSON.stringify({ faults: await verifyTrace(trace.trace), result });
};
`;

it("the simulator is a small bundle that makes no code from text, as a strict Content-Security-Policy wants", async () => {
  const options = { bundle: true, minify: true, write: false, format: "esm", platform: "browser" } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [join(ROOT, "src/sim/index.ts")] });
  const [{ text }] = outputFiles;
  expect(text).not.toMatch(/new Function\b|\bFunction\(|\beval\(/);
  expect(gzipSync(text).length).toBeLessThan(150_000);
});

let browser: Browser | undefined;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

/** A shipped machine of each accelerator, and the one whose buffers are modelled line by line. */
async function someConfigs(): Promise<{ name: string; accelerator: string }[]> {
  const all = await Promise.all(
    (await shippedMachines()).map((name) => readJsonFile(`${ROOT}/hw-configs/${name}.json`)),
  );
  const configs = all as { name: string; accelerator: string }[];
  const first = new Map(configs.map((config) => [config.accelerator, config]));
  expect([...first.keys()].sort()).toEqual(Object.keys(accelerators).sort());
  return [...first.values(), ...configs.filter(({ name }) => name === "bit-tactical-lines")];
}

it("bundled for a browser without Node built-ins, they give the same result byte for byte, energy included", async ({
  skip,
}) => {
  if (browser === undefined) skip(NO_CHROMIUM);
  const { folder, remove } = await packageFolder();
  const entry = join(folder, "entry.js");
  await writeFile(entry, ENTRY);
  await build({ entryPoints: [entry], bundle: true, platform: "browser", outdir: join(folder, "out") });
  await writeFile(
    join(folder, "out/index.html"),
    '<!doctype html><meta charset="utf-8"><script src="entry.js"></script>',
  );

  await writeTrace(join(folder, TRACE), synthesizeTrace(STEP));
  const bytes = await readFile(join(folder, TRACE));
  const configs = await someConfigs();
  const table = (await readJsonFile(`${ROOT}/hw-configs/energy/45nm.json`)) as { name: string };
  const page = await (browser as Browser).newPage();
  await page.goto(`file://${join(folder, "out/index.html")}`);
  const answer = await page.evaluate(
    (input) => (globalThis as unknown as { answer(input: unknown): Promise<string> }).answer(input),
    { name: TRACE, base64: bytes.toString("base64"), configs, table },
  );
  await remove();

  const trace = await identifyTrace(TRACE, new Uint8Array(bytes));
  const machines = configs.map((config) => resolveMachine(config, config.name, accelerators));
  const energy = machines.map(() => resolveEnergyTable(table, table.name));
  const result = await simulate({ traces: [trace], machines, energy });
  expect(answer).toBe(JSON.stringify({ faults: await verifyTrace(trace.trace), result }));
});
