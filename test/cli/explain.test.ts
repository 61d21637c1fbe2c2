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

  it.concurrent("gives multiplier-cycles that add up as JSON, for every layer and pass", async ({ expect }) => {
    const { stdout } = await swatSim(["explain", TRACE, "--hw", "scnn", "two-sided", "--json"]);
    const reports = JSON.parse(stdout) as {
      multipliers: number;
      cycles: { total: number };
      breakdown: Record<string, number>;
    }[];
    // 10 layers × 3 passes without the first input gradient, on two machines.
    expect(reports).toHaveLength(2 * 29);
    for (const { multipliers, cycles, breakdown } of reports) {
      expect(Object.values(breakdown).reduce((a, b) => a + b, 0)).toBe(multipliers * cycles.total);
    }
  });

  it.concurrent("names the layers where one is unknown", async ({ expect }) => {
    const { code, stderr } = await swatSim(["explain", TRACE, "--hw", "scnn", "--layer", "conv9"]);
    expect(code).toBe(1);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/unknown layer, got "conv9"; did you mean "conv1"\? known: conv1, layer1.0.conv1/);
  });
});
