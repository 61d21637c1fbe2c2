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

  it.concurrent("refuses a map that is none with exit 1, a pattern that is none with exit 2", async ({ expect }) => {
    const map = await swatSim([...REQUEST, "--pattern", "random", "--address-map", "rorababgcoco"]);
    expect(map.stderr).toContain("dram.addressMap: must hold each of ro, ra, ba, bg, ch, co once");
    expect(map.code).toBe(1);
    const pattern = await swatSim([...REQUEST, "--pattern", "chunks:0"]);
    expect(pattern.stderr).toContain("known: sequential, random, chunks:BYTES");
    expect(pattern.code).toBe(2);
  });
});
