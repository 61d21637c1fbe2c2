import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { linesOf, swatSim } from "./program.ts";

describe("footprint", () => {
  it.concurrent("prints kinds of tensors, sums, the peak and the published figure", async ({ expect }) => {
    const args = ["--network", "resnet50-imagenet", "--sparsity", "0.8", "--batch", "1"];
    const { code, stdout, stderr } = await swatSim(["footprint", ...args]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines[0]).toBe("resnet50-imagenet, swat-u 80.0 %, batch 1");
    expect(stdout).toMatch(/^master weights and other parameters +97\.49 +97\.49 +0\.0 /m);
    expect(stdout).toMatch(/^peak of the step +\d/m);
    expect(stdout).not.toContain("dropout");
    expect(lines.at(-1)).toMatch(
      /^activations of the backward pass counted as published: \d+\.\d\d MiB, 37\.2 % less$/,
    );
  });

  it.concurrent("--json prints bytes, --csv writes every kind and layer, for images and a batch of any size", async ({
    expect,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), "swat-sim-footprint-"));
    const csv = join(folder, "bytes.csv");
    const args = ["--network", "resnet8", "--images", "16x20x1", "--batch", "4", "--json", "--csv", csv];
    const { code, stdout } = await swatSim(["footprint", ...args]);
    expect(code).toBe(0);
    const bytes = JSON.parse(stdout);
    expect(bytes).toMatchObject({ network: "resnet8", method: "swat-u", batch: 4 });
    expect(bytes.layers[0]).toMatchObject({ layer: "conv1", denseBytes: 4 * 4 * 16 * 20 });
    const lines = linesOf(await readFile(csv, "utf8"));
    expect(lines[0]).toBe("kind,name,dense_bytes,sparse_bytes,sparse_indexed_bytes");
    expect(lines).toHaveLength(1 + bytes.parts.length + bytes.layers.length + 5);
    await rm(folder, { recursive: true });
  });

  it.concurrent("--hw takes widths and formats of a machine", async ({ expect }) => {
    const run = async (...args: string[]) =>
      JSON.parse((await swatSim(["footprint", "--network", "resnet8", "--json", ...args])).stdout);
    const [plain, sixteenBits] = await Promise.all([run(), run("--hw", "tensordash-4096")]);
    const normed = (bytes: typeof plain) =>
      bytes.parts.find(({ part }: { part: string }) => part === "batch norm inputs").denseBytes;
    expect(normed(sixteenBits)).toBe(normed(plain) / 2);
    expect(sixteenBits.total.denseBytes).toBeLessThan(plain.total.denseBytes);
  });

  it.concurrent("--hw takes one machine", async ({ expect }) => {
    const { code, stderr } = await swatSim(["footprint", "--network", "resnet8", "--hw", "all"]);
    expect(stderr).toMatch(/^error: --hw: unknown machine, got "all"; did you mean .* known: activation-queue, /);
    expect(code).toBe(2);
  });

  it.concurrent("gives no share for what takes more than twice the bytes of dense training", async ({ expect }) => {
    const { stdout } = await swatSim(["footprint", "--network", "resnet8", "--sparsity", "0.9"]);
    expect(stdout).toMatch(/^ReLU signs +0\.01 +0\.01 +0\.0 +0\.14 +– *$/m);
  });

  const WRONG: Record<string, [args: string[], message: RegExp]> = {
    "no network": [[], /required option '--network <name>' not specified/],
    "no images": [["--network", "resnet8", "--images", "16x16"], /valid: height, width and channels, as 32x32x3/],
    "no batch": [["--network", "resnet8", "--batch", "0"], /valid: an integer of at least 1/],
    "no density": [["--network", "resnet8", "--natural-density", "0"], /more than 0 and at most 1/],
  };
  for (const [what, [args, message]] of Object.entries(WRONG)) {
    it.concurrent(`refuses ${what} with one line and code 2`, async ({ expect }) => {
      const { code, stdout, stderr } = await swatSim(["footprint", ...args]);
      expect(stderr).toMatch(message);
      expect(linesOf(stderr)).toHaveLength(1);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    });
  }
});
