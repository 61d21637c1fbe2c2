import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { linesOf, swatSim } from "../program.ts";

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
      settings: { synthetic: { filterSpread: 0.6, channelSpread: 0, correlation: 0.5 } },
    });
    const [measured] = JSON.parse((await swatSim(["trace", "stats", "--json", path])).stdout);
    expect(Math.abs(measured.settings.filterSpread - 0.6)).toBeLessThan(0.15);
    expect(measured.settings.channelSpread).toBeLessThan(0.15);
    expect(Math.abs(measured.settings.correlation - 0.5)).toBeLessThan(0.1);
  });

  it.concurrent("--like spreads zeros as the recorded step has them, layer by layer, but for what is asked for", async ({
    expect,
  }) => {
    const like = "traces/resnet8-swat-u90.safetensors";
    const paths = [file("like"), file("flat")];
    const step = ["--network", "resnet8", "--batch", "16", "--images", "16x16x3", "--sparsity", "0.9"];
    const args = ["trace", "synth", ...step, "--like", like, "-o"];
    expect(await swatSim([...args, paths[0]])).toMatchObject({ code: 0, stderr: "" });
    expect(await swatSim([...args, paths[1], "--filter-spread", "0", "--offsets", "0"])).toMatchObject({ code: 0 });
    const commands = [like, ...paths].map((path) => swatSim(["trace", "stats", "--json", path]));
    const [theirs, ours, flat] = (await Promise.all(commands)).map(({ stdout }) => JSON.parse(stdout)[0]);
    for (const [index, { layer, operand, density, figures }] of theirs.operands.entries()) {
      // What a linear layer reads is pooled of what is drawn.
      if (layer === "linear" || operand === "output gradient") continue;
      expect(ours.operands[index], layer).toMatchObject({ layer, operand });
      // A count that is rounded by channel, of 144 elements at least.
      expect(Math.abs(ours.operands[index].density - density), layer).toBeLessThan(0.004);
      for (const name of ["filterSpread", "channelSpread", "offsets"]) {
        if (figures[name] === undefined) continue;
        expect(Math.abs(ours.operands[index].figures[name] - figures[name]), `${layer} ${name}`).toBeLessThan(0.12);
      }
    }
    expect(theirs.settings.filterSpread).toBeGreaterThan(0.3);
    expect(flat.settings.filterSpread).toBeLessThan(0.12);
    expect(flat.settings.offsets).toBeLessThan(0.05);
    expect(flat.settings.channelSpread).toBeGreaterThan(0.2);
    const [inspected] = JSON.parse((await swatSim(["trace", "inspect", "--json", paths[1]])).stdout);
    expect(inspected.settings.synthetic).toEqual({ like: "resnet8", filterSpread: 0, offsets: 0 });
  });

  it.concurrent("waits longer for its densest filter the later in training it is", async ({ expect }) => {
    const spreads = [];
    for (const where of ["early", "10000", "late"]) {
      const path = file(`at-${where}`);
      await swatSim(["trace", "synth", ...small, "--position", where, "-o", path]);
      const [inspected] = JSON.parse((await swatSim(["trace", "inspect", "--json", path])).stdout);
      expect(inspected.settings.synthetic).toEqual({ position: where === "10000" ? 10_000 : where });
      spreads.push(JSON.parse((await swatSim(["trace", "stats", "--json", path])).stdout)[0].settings.filterSpread);
    }
    expect(spreads).toEqual(spreads.toSorted((a, b) => a - b));
    expect(spreads[2]).toBeGreaterThan(1.5 * spreads[0]);
  });

  it.concurrent("shares the weights of SWAT-M in equal numbers among layers that can hold them", async ({ expect }) => {
    const path = file("momentum");
    await swatSim(["trace", "synth", ...small, "--method", "swat-m", "--sparsity", "0.9", "-o", path]);
    const [inspected] = JSON.parse((await swatSim(["trace", "stats", "--json", path])).stdout);
    const weights = inspected.operands.filter(({ operand }: { operand: string }) => operand === "weight");
    const density = (layer: string) => weights.find((one: { layer: string }) => one.layer === layer).density;
    // 36,864 and 18,432 weights.
    expect(density("layer3.0.conv2") / density("layer3.0.conv1")).toBeCloseTo(0.5, 2);
    expect(density("conv1")).toBe(1);
  });

  it.concurrent("--like alone takes network, shapes, method, sparsity and batch; what is asked for wins", async ({
    expect,
  }) => {
    const like = "traces/resnet8-swat-u90.safetensors";
    const inspect = async (path: string) => JSON.parse((await swatSim(["trace", "inspect", "--json", path])).stdout)[0];
    const [alike, asked] = [file("like-alone"), file("like-and-asked")];
    expect(await swatSim(["trace", "synth", "--like", like, "-o", alike])).toMatchObject({ code: 0, stderr: "" });
    const wanted = ["--sparsity", "0.7", "--method", "swat-erk", "--batch", "1"];
    expect(await swatSim(["trace", "synth", "--like", like, ...wanted, "-o", asked])).toMatchObject({ code: 0 });
    const [recorded, synthetic, other] = await Promise.all([like, alike, asked].map(inspect));
    expect(synthetic.network).toBe(recorded.network);
    expect(synthetic.method).toEqual(recorded.method);
    expect(other.method).toMatchObject({ name: "swat-erk", sparsity: 0.7 });
    const shapes = ({ ops }: { ops: { geometry?: object; kind: string; pass: string }[] }) =>
      ops
        .filter(({ geometry }) => geometry !== undefined)
        .map(({ kind, pass, geometry }) => ({ kind, pass, geometry }));
    expect(shapes(synthetic)).toEqual(shapes(recorded));
  });

  it.concurrent("writes the same bytes again", async ({ expect }) => {
    for (const name of ["first", "second"]) await swatSim(["trace", "synth", ...small, "-o", file(name)]);
    expect(Buffer.compare(await readFile(file("first")), await readFile(file("second")))).toBe(0);
  });

  const WRONG: Record<string, [args: string[], message: RegExp]> = {
    "no network": [["-o", "x"], /'--network <name>' or '--like <trace>' not specified/],
    "a sparsity like a dense step": [
      ["--like", "traces/resnet8-dense.safetensors", "--sparsity", "0.8", "-o", "x"],
      /needs a sparse '--method <name>', got 'dense'/,
    ],
    "no file": [small, /required option '-o, --out <file>' not specified/],
    "no position": [[...small, "-o", "x", "--position", "soon"], /valid: early, middle, late, or a number of images/],
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
    expect(stdout).toMatch(/^layer2\.0\.conv1 +weight +10\.\d( +\d\.\d{3}){3} *$/m);
    expect(stdout).toMatch(/^ +input +56\.3( +0\.\d{3}){8} *$/m);
    expect(linesOf(stdout).at(-1)).toMatch(
      /^trace synth --filter-spread 0\.\d{3} --channel-spread 0\.\d{3} --slice-spread 0\.\d{3} --natural-/,
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
