import { describe, it } from "vitest";
import { linesOf, swatSim } from "./program.ts";

const TRACE = "traces/resnet8-swat-u90.safetensors";

describe("explain", () => {
  it.concurrent("ends its waterfall at the cycles of the op", async ({ expect }) => {
    const args = ["explain", TRACE, "--hw", "tensordash-4096", "--layer", "layer2.0.conv2", "--pass", "forward"];
    const { code, stdout } = await swatSim(args);
    expect(code).toBe(0);
    const [title, ...table] = linesOf(stdout);
    const [, cycles] = /: (\d+) cycles/.exec(title) ?? [];
    const upTo = table
      .at(-1)
      ?.trim()
      .split(/\s+/)
      .filter((word) => /^[\d.]+$/.test(word))
      .at(-1);
    expect(Number(upTo)).toBe(Number(cycles));
  });

  it.concurrent("tells zeros in the image from those around it, and leaves out causes that cost nothing", async ({
    expect,
  }) => {
    const args = ["explain", TRACE, "--layer", "layer2.0.conv2", "--pass", "forward", "--hw"];
    const dense = await swatSim([...args, "dadiannao-4096"]);
    expect(dense.stdout).toMatch(/zero, inside the image, that the machine does not look at +\d/);
    expect(dense.stdout).toMatch(/element outside the image, which the machine does not skip +\d/);
    const queue = await swatSim([...args, "activation-queue-4096"]);
    expect(queue.stdout).toContain("inside the image");
    expect(queue.stdout).not.toContain("outside the image");
  });

  it.concurrent("gives multiplier-cycles that add up as JSON, for every layer and pass", async ({ expect }) => {
    const { stdout } = await swatSim(["explain", TRACE, "--hw", "scnn", "systolic", "mesh-4096", "--json"]);
    const reports = JSON.parse(stdout) as {
      multipliers: number;
      cycles: { total: number };
      breakdown: Record<string, number>;
    }[];
    // 10 layers × 3 passes without the first input gradient, on three machines.
    expect(reports).toHaveLength(3 * 29);
    for (const { multipliers, cycles, breakdown } of reports) {
      expect(Object.values(breakdown).reduce((a, b) => a + b, 0)).toBe(multipliers * cycles.total);
      expect(breakdown).not.toHaveProperty("other");
    }
  });

  it.concurrent("names the layers where one is unknown", async ({ expect }) => {
    const { code, stderr } = await swatSim(["explain", TRACE, "--hw", "scnn", "--layer", "conv9"]);
    expect(code).toBe(2);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/unknown layer, got "conv9"; did you mean "conv1"\? known: conv1, layer1.0.conv1/);
  });
});
