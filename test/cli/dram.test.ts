import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { linesOf, swatSim } from "./program.ts";

const REQUEST = ["dram", "--preset", "HBM2", "--requests", "2000"];

describe("dram", () => {
  it.concurrent("prints both models with units, and the causes where asked", async ({ expect }) => {
    const { code, stdout, stderr } = await swatSim([...REQUEST, "--pattern", "chunks:1024", "--explain"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(linesOf(stdout)[0]).toBe("HBM2, 8 × 32.00 GB/s = 256.00 GB/s peak, map rorabacochbg");
    expect(stdout).toMatch(/^reached +\d+\.\d\d GB\/s +\d+\.\d\d GB\/s/m);
    expect(stdout).toMatch(/^lost to refresh \(tRFC\) +\d+\.\d % +\d+\.\d %/m);
  });

  it.concurrent("--export writes every request, --json prints both results", async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "swat-sim-dram-"));
    const file = join(folder, "requests.trace");
    const { stdout } = await swatSim([
      ...REQUEST,
      "--pattern",
      "sequential",
      "--export",
      "dramsim3",
      "-o",
      file,
      "--json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      dram: { preset: "HBM2", channels: 8 },
      requests: { reads: 2000, writes: 0 },
    });
    const lines = linesOf(await readFile(file, "utf8"));
    expect(lines).toHaveLength(2000);
    expect(lines[1]).toMatch(/^0x[0-9a-f]+ READ 0$/);
    await rm(folder, { recursive: true });
  });

  const WRONG: readonly (readonly [option: string, value: string, message: string])[] = [
    ["--address-map", "rorababgcoco", "map: must hold each of ro, ra, ba, bg, ch, co once"],
    ["--pattern", "chunks:0", "known: sequential, random, chunks:BYTES"],
    ["--channels", "5000", "valid: an integer of at least 1 and at most 1024."],
    ["--ranks", "9", "valid: an integer of at least 1 and at most 8."],
    ["--streams", "3000000000", "valid: an integer of at least 1 and at most 1000000."],
    ["--requests", "10000000000", "valid: an integer of at least 1 and at most 10000000."],
  ];
  for (const [option, value, message] of WRONG) {
    it.concurrent(`refuses ${option} ${value} with one line and code 2`, async ({ expect }) => {
      const { code, stderr } = await swatSim(["dram", "--preset", "HBM2", "--pattern", "random", option, value]);
      expect(stderr).toContain(message);
      expect(stderr).toContain(option);
      expect(linesOf(stderr)).toHaveLength(1);
      expect(code).toBe(2);
    });
  }
});
