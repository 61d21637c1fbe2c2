import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { linesOf, swatSim } from "./program.ts";

const folder = await mkdtemp(join(tmpdir(), "swat-sim-synth-"));
afterAll(() => rm(folder, { recursive: true }));
const file = (name: string) => join(folder, `${name}.safetensors`);
const small = ["--network", "resnet8", "--images", "16x16x3", "--batch", "4", "--sparsity", "0.8"];

describe("trace synth", () => {
  it.concurrent("writes a trace that verifies, tells that it is synthetic, and measures as asked", async ({
    expect,
  }) => {
    const path = file("asked");
    const settings = ["--filter-spread", "0.6", "--channel-spread", "0", "--correlation", "0.5"];
    const { code, stdout, stderr } = await swatSim(["trace", "synth", ...small, ...settings, "-o", path]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^.*asked\.safetensors: \d+ tensors, \d+ masks, 89 ops\n$/);
    const [, masks] = /, (\d+) masks/.exec(stdout) ?? [];
    expect((await swatSim(["trace", "verify", path])).stdout).toContain(`: ok, ${masks} masks, 89 ops\n`);
    const [inspected] = JSON.parse((await swatSim(["trace", "inspect", "--json", path])).stdout);
    expect(inspected).toMatchObject({
      producer: "swat-sim trace synth",
      dataset: "synthetic",
      method: { name: "swat-u", sparsity: 0.8, firstLayerDense: true },
      settings: { synthetic: { filterSpread: 0.6, channelSpread: 0, correlation: 0.5, gradDensity: 1 } },
    });
    const [measured] = JSON.parse((await swatSim(["trace", "stats", "--json", path])).stdout);
    expect(Math.abs(measured.settings.filterSpread - 0.6)).toBeLessThan(0.15);
    expect(measured.settings.channelSpread).toBeLessThan(0.1);
    expect(Math.abs(measured.settings.correlation - 0.5)).toBeLessThan(0.1);
  });

  it.concurrent("--like takes what trace stats measures on a recorded step, but for what is asked for", async ({
    expect,
  }) => {
    const like = "traces/resnet8-swat-u90.safetensors";
    const path = file("like");
    const args = ["trace", "synth", ...small, "--like", like, "--common", "0.3", "-o", path];
    expect(await swatSim(args)).toMatchObject({ code: 0, stderr: "" });
    const [[inspected], [measured]] = await Promise.all(
      [
        ["trace", "inspect", "--json", path],
        ["trace", "stats", "--json", like],
      ].map(async (command) => JSON.parse((await swatSim(command)).stdout)),
    );
    const { filterSpread, channelSpread, naturalDensity, offsets, correlation } = measured.settings;
    const told = { filterSpread, channelSpread, naturalDensity, offsets, correlation };
    // Figures of docs/synthetic-traces.md for this step.
    expect(Object.values(told).map((value) => Number(value.toFixed(2)))).toEqual([0.5, 0.31, 0.44, 0.36, 0.53]);
    expect(inspected.settings.synthetic).toEqual({ ...told, common: 0.3, gradDensity: 1 });
  });

  it.concurrent("writes the same bytes again", async ({ expect }) => {
    for (const name of ["first", "second"]) await swatSim(["trace", "synth", ...small, "-o", file(name)]);
    expect(Buffer.compare(await readFile(file("first")), await readFile(file("second")))).toBe(0);
  });

  const WRONG: Record<string, [args: string[], message: RegExp]> = {
    "no file": [small, /required option '-o, --out <file>' not specified/],
    "no density": [[...small, "-o", "x", "--natural-density", "0"], /more than 0 and less than 1/],
  };
  for (const [what, [args, message]] of Object.entries(WRONG)) {
    it.concurrent(`refuses ${what} with one line and code 2`, async ({ expect }) => {
      const { code, stdout, stderr } = await swatSim(["trace", "synth", ...args]);
      expect(stderr).toMatch(message);
      expect(linesOf(stderr)).toHaveLength(1);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    });
  }
});

describe("trace stats", () => {
  it.concurrent("prints a line for each operand and the options that would give the same", async ({ expect }) => {
    const { code, stdout } = await swatSim(["trace", "stats", "traces/resnet8-swat-u90.safetensors"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^layer2\.0\.conv1 +input +56\.3 +0\.\d{3} +0\.\d{3} +0\.\d{3} *$/m);
    expect(linesOf(stdout).at(-1)).toMatch(
      /^trace synth --filter-spread 0\.\d{3} --channel-spread 0\.\d{3} --natural-/,
    );
  });
});

describe("record", () => {
  it.concurrent("writes a real step after the steps asked for, with thresholds of its own", async ({ expect }) => {
    const path = file("recorded");
    const args = ["--network", "resnet8", "--data", "generated:16x16x3", "--batch", "4", "--steps", "2"];
    const { code, stdout } = await swatSim(["record", ...args, "--sparsity", "0.8", "-o", path]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${path}\n`);
    const [inspected] = JSON.parse((await swatSim(["trace", "inspect", "--json", path])).stdout);
    expect(inspected).toMatchObject({ step: 2, refreshed: true, method: { name: "swat-u", sparsity: 0.8 } });
    expect((await swatSim(["trace", "verify", path])).code).toBe(0);
  });

  it.concurrent("names data that is not there, with code 1", async ({ expect }) => {
    const args = ["--network", "resnet8", "--data", "images:nowhere", "--batch", "4", "-o", file("none")];
    const { code, stderr } = await swatSim(["record", ...args]);
    expect(stderr).toMatch(/^error: nowhere/);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(code).toBe(1);
  });
});
