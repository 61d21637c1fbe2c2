import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { linesOf, swatSim } from "./program.ts";

describe("flops", () => {
  it.concurrent("prints every layer, totals and reductions", async ({ expect }) => {
    const { code, stdout, stderr } = await swatSim(["flops", "--network", "resnet8", "--sparsity", "0.8"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines[0]).toBe("resnet8, swat-u 80.0 %, exact accounting: million MACs per image");
    // Two lines of heads, ten layers, the totals and the reductions.
    expect(lines).toHaveLength(1 + 2 + 10 + 1 + 1);
    expect(lines[3]).toMatch(/^conv1 +0\.0 +0\.0 +0\.44 +0\.44 +0\.00 +0\.00 /);
    expect(lines.at(-1)).toMatch(/^training MACs reduced by \d\d\.\d\d %, inference MACs reduced by \d\d\.\d\d %$/);
  });

  it.concurrent("prints the published figures of resnet50-imagenet with the published accounting", async ({
    expect,
  }) => {
    const args = ["--network", "resnet50-imagenet", "--method", "swat-u", "--sparsity", "0.8"];
    const { stdout } = await swatSim(["flops", ...args, "--accounting", "published"]);
    expect(linesOf(stdout).at(-1)).toBe("training MACs reduced by 76.12 %, inference MACs reduced by 77.69 %");
  });

  it.concurrent("--json prints one object, --csv writes one line for each layer", async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "swat-sim-flops-"));
    const csv = join(folder, "macs.csv");
    const args = ["--network", "wrn10-1", "--method", "swat-erk", "--activation-sparsity", "0.5", "--classes", "7"];
    const { code, stdout } = await swatSim(["flops", ...args, "--json", "--csv", csv]);
    expect(code).toBe(0);
    const macs = JSON.parse(stdout);
    expect(macs).toMatchObject({ network: "wrn10-1", accounting: "exact" });
    expect(macs.layers.at(-1)).toMatchObject({ layer: "fc", dense: { forward: 64 * 7 }, sparsity: { input: 0.5 } });
    const lines = linesOf(await readFile(csv, "utf8"));
    expect(lines).toHaveLength(1 + macs.layers.length);
    expect(lines[0]).toBe(
      "layer,kind,weight_sparsity,input_sparsity,forward_dense_macs,inputGrad_dense_macs,weightGrad_dense_macs," +
        "training_dense_macs,forward_sparse_macs,inputGrad_sparse_macs,weightGrad_sparse_macs,training_sparse_macs",
    );
    await rm(folder, { recursive: true });
  });

  const WRONG: Record<string, [args: string[], message: RegExp]> = {
    "no network": [[], /required option '--network <name>' not specified/],
    "an unknown network": [
      ["--network", "resnet51"],
      /unknown network, got "resnet51"; did you mean "resnet50"\? known: /,
    ],
    "a depth that cannot be": [["--network", "wrn17-8"], /wrn17-8: depth must be 6n \+ 4, got 17; valid: 10, 16/],
    "an unknown accounting": [["--network", "resnet8", "--accounting", "mine"], /known: exact, published/],
    "nothing to keep": [["--network", "resnet8", "--sparsity", "1"], /at least 0 and less than 1/],
    "sparse activations of dense training": [
      ["--network", "resnet8", "--method", "dense", "--activation-sparsity", "0.5"],
      /'--activation-sparsity <s>' needs a sparse '--method <name>', got 'dense'/,
    ],
  };
  for (const [what, [args, message]] of Object.entries(WRONG)) {
    it.concurrent(`refuses ${what} with one line and code 2`, async ({ expect }) => {
      const { code, stdout, stderr } = await swatSim(["flops", ...args]);
      expect(stderr).toMatch(message);
      expect(linesOf(stderr)).toHaveLength(1);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    });
  }
});
