import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SweepPoint } from "../../src/report/sweep/sweep-points.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import type { CheckFile } from "../../src/studies/check.ts";
import { fileBytes, handMade } from "../support/hand-made.ts";
import { linesOf, swatSim } from "./program.ts";

const MACHINE = "tensordash-4096";
const DEFAULT = "dadiannao-4096";
const OTHER = "systolic-4096";
/** Of another peak than the machine. */
const UNEQUAL = "dadiannao";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-baseline-"));
  await writeFile(join(cwd, "hand.safetensors"), fileBytes(handMade()));
  const spec = { machines: [MACHINE], traces: ["hand.safetensors"], grid: { "params.lookahead": [2] } };
  await writeFile(join(cwd, "sweep.json"), JSON.stringify(spec));
});
afterAll(() => rm(cwd, { recursive: true }));
const run = (...args: string[]) => swatSim(args, { cwd });
const simulated = async (...args: string[]): Promise<SimulationResult> =>
  JSON.parse((await run("simulate", "hand.safetensors", "--hw", MACHINE, "--json", ...args)).stdout);

/** A command, and the name of the baseline in what it gives. */
const COMMANDS: Readonly<Record<string, (...args: string[]) => Promise<string>>> = {
  simulate: async (...args) => (await simulated(...args)).machines[0].baseline.name,
  explain: async (...args) => {
    const { stdout } = await run(
      "explain",
      "hand.safetensors",
      "--hw",
      MACHINE,
      "--pass",
      "forward",
      "--json",
      ...args,
    );
    return JSON.parse(stdout)[0].baseline;
  },
  "check record": async (...args) => {
    const { stdout } = await run("check", "record", "hand.safetensors", "--hw", MACHINE, ...args, "-o", "counts.json");
    return /, baseline (.*)\n$/.exec(stdout)?.[1] ?? stdout;
  },
  sweep: async (...args) => {
    const { stdout } = await run("sweep", "sweep.json", "--json", "--out", `sweep-${args.length}`, ...args);
    return (JSON.parse(stdout) as SweepPoint).baseline ?? stdout;
  },
  paper: async (...args) => {
    const step = ["--network", "lenet5", "--batch", "1", "--position", "late"];
    return JSON.parse((await run("paper", ...step, "--hw", MACHINE, "--json", ...args)).stdout).baseline;
  },
};

describe("a baseline", () => {
  it.each(Object.entries(COMMANDS))("of %s is the common one, or the one that is asked for", async (_, nameOf) => {
    expect(await nameOf()).toBe(DEFAULT);
    expect(await nameOf("--baseline", OTHER)).toBe(OTHER);
    expect(await nameOf("--baseline", UNEQUAL, "--allow-unequal")).toBe(UNEQUAL);
  });

  it("gives points of a sweep the gains that simulate gives, by the option as by the key of the spec", async () => {
    const spec = JSON.parse(await readFile(join(cwd, "sweep.json"), "utf8"));
    await writeFile(join(cwd, "other.json"), JSON.stringify({ ...spec, baseline: OTHER }));
    const byKey = await run("sweep", "other.json", "--json", "--out", "by-key");
    const byOption = await run("sweep", "sweep.json", "--json", "--out", "by-option", "--baseline", OTHER);
    expect(byOption.stdout).toBe(byKey.stdout);
    const { totals } = (await simulated("--baseline", OTHER)).machines[0];
    const { metrics } = JSON.parse(byKey.stdout) as SweepPoint;
    expect(metrics?.speedup).toBe(totals.training.speedup);
    expect(metrics?.computeSpeedup).toBe(totals.matmul.compute.speedup);
  });

  it("of a sweep decides which sweep it is, and refuses points that differ from it", async () => {
    await run("sweep", "sweep.json", "--out", "identity");
    const again = await run("sweep", "sweep.json", "--out", "identity", "--baseline", OTHER);
    expect(again.stderr).toMatch(/points\.jsonl: is of another sweep/);
    const { stdout, stderr } = await run("sweep", "sweep.json", "--json", "--out", "unequal", "--baseline", UNEQUAL);
    expect((JSON.parse(stdout) as SweepPoint).error).toMatch(
      /baseline: dadiannao is not comparable with tensordash-4096, which differs in peak/,
    );
    expect(stderr).toMatch(/1 of 1 points were refused/);
  });

  it("is kept by a check file with its counts, which check run compares again", async () => {
    await run("check", "record", "hand.safetensors", "--hw", MACHINE, "--baseline", OTHER, "-o", "kept.json");
    const kept = JSON.parse(await readFile(join(cwd, "kept.json"), "utf8")) as CheckFile;
    expect(kept.baseline?.name).toBe(OTHER);
    expect(kept.commonBaseline).toBeUndefined();
    const [{ counters, counts }] = kept.machines;
    const [{ rows }] = (await simulated("--baseline", OTHER)).machines;
    expect(counts["0/0 conv forward"][counters.indexOf("baselineCycles")]).toBe(rows[0].baselineCycles);
    expect((await run("check", "run", "kept.json")).code).toBe(0);
    await writeFile(
      join(cwd, "other-kept.json"),
      JSON.stringify({ ...kept, baseline: { ...kept.baseline, clock: "2 GHz" } }),
    );
    expect((await run("check", "run", "other-kept.json")).stderr).toMatch(
      /systolic-4096 is not comparable with tensordash-4096, which differs in peak/,
    );
    const both = { ...kept, commonBaseline: kept.baseline };
    await writeFile(join(cwd, "both.json"), JSON.stringify(both));
    expect((await run("check", "run", "both.json")).stderr).toBe(
      'error: both.json: has "baseline" and "commonBaseline"; valid: one of them\n',
    );
  });

  it("of a report chooses the machines that were compared with it", async () => {
    const result = ["simulate", "hand.safetensors", "--hw", MACHINE, "scnn"];
    await run(...result, "--out", "default.json");
    await run("simulate", "hand.safetensors", "--hw", "mesh-4096", "--baseline", OTHER, "--out", "other-result.json");
    const report = ["report", "default.json", "other-result.json", "--html", "report.html", "--baseline"];
    expect((await run(...report, OTHER)).code).toBe(0);
    const page = await readFile(join(cwd, "report.html"), "utf8");
    expect(page).toContain("Over systolic-4096, which trains densely.");
    expect(page).not.toContain(MACHINE);
    const unknown = await run(...report, "mesh");
    expect(linesOf(unknown.stderr)).toEqual([
      'error: --baseline: unknown baseline, got "mesh"; did you mean "systolic-4096"? known: dadiannao-4096, scnn-without-skipping, systolic-4096',
    ]);
  });
});
