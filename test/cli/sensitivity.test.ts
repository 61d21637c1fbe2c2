import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { ended, linesOf, type Outcome, start, swatSim } from "./program.ts";

const TINY = ["--data", "generated:8x8x1", "--limit", "20", "--test-limit", "10", "--batch-size", "10"];
const DROP = ["--drop", "weights:forward,inputs:backward+inputs:forward"];
const STUDY = ["sensitivity", ...TINY, ...DROP, "--sparsity", "0,0.5", "--epochs", "1", "--out", "study"];
const NAMES = ["dense_seed1", "inputs-forward+inputs-backward_0.5_seed1", "weights-forward_0.5_seed1"];
const FILES = ["accuracy-over-sparsity.svg", "accuracy-over-speedup.svg", "sensitivity.csv", "sensitivity.json"];

let cwd = "";
let outcome: Outcome;
let first: Buffer[] = [];

const filesOf = () => Promise.all(FILES.map((file) => readFile(join(cwd, "study", file))));

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-sensitivity-"));
  outcome = await swatSim([...STUDY, "--json"], { cwd });
  first = await filesOf();
});
afterAll(() => rm(cwd, { recursive: true }));

describe("sensitivity", () => {
  it("prints one line of JSON for each point, dense training first and once", () => {
    expect(outcome.stderr).toBe("");
    expect(outcome.code).toBe(0);
    const points = linesOf(outcome.stdout).map((line) => JSON.parse(line));
    expect(points.map(({ drop, sparsity }) => [drop.join("+"), sparsity])).toEqual([
      ["", 0],
      ["weights:forward", 0.5],
      ["inputs:forward+inputs:backward", 0.5],
    ]);
    for (const { outcome: done } of points) {
      // 10 test images: the accuracy is a multiple of 1/10.
      expect(done.testAccuracy * 10).toBeCloseTo(Math.round(done.testAccuracy * 10), 9);
      expect(done.speedup.matmul).toBeGreaterThanOrEqual(1);
    }
  });

  it("leaves CSV, JSON and plots with its curves, and every run with a trace", async () => {
    const [svg, other, csv, json] = first.map(String);
    for (const plot of [svg, other]) {
      for (const label of ["weights forward", "inputs forward + inputs backward"])
        expect(plot).toContain(`>${label}</text>`);
    }
    expect(linesOf(csv)).toHaveLength(1 + NAMES.length);
    expect(JSON.parse(json).curves.map(({ points }: { points: unknown[] }) => points.length)).toEqual([2, 2]);
    expect(await readdir(join(cwd, "study"))).toEqual([...FILES, "points", "runs"].sort());
    for (const name of NAMES) {
      expect(await readdir(join(cwd, "study/runs", name))).toEqual([
        "checkpoint.safetensors",
        "log.jsonl",
        "step-000001.safetensors",
        "training.json",
        "weights.safetensors",
      ]);
    }
  });

  it("started again trains what is missing and nothing else, and ends with the same files", async () => {
    await rm(join(cwd, "study/runs"), { recursive: true });
    await rm(join(cwd, `study/points/${NAMES[1]}.json`));
    const again = await swatSim(STUDY, { cwd });
    expect(again.stderr).toBe("");
    expect(again.stdout).toMatch(/^test accuracy, dropped: .*\n(weights forward .*%.*\n)/);
    expect(await readdir(join(cwd, "study/runs"))).toEqual([NAMES[1]]);
    expect(await filesOf()).toEqual(first);
  });

  it("started again with other settings trains everything anew", async () => {
    await rm(join(cwd, "study/runs"), { recursive: true, force: true });
    const again = await swatSim([...STUDY, "--learning-rate", "0.01"], { cwd });
    expect(again.code).toBe(0);
    expect(await readdir(join(cwd, "study/runs"))).toEqual(NAMES);
    expect(await filesOf()).not.toEqual(first);
  });

  it("names a file of a point that is damaged", async () => {
    const folder = await temporaryFolder();
    const args = [...STUDY, "--out", join(cwd, "study")];
    const path = join(cwd, "study/points", `${NAMES[0]}.json`);
    await writeFile(path, '{ "inputs": {}, "point": {} }');
    const { code, stderr } = await swatSim(args, { cwd: folder });
    expect(code).toBe(1);
    for (const line of linesOf(stderr)) expect(line.startsWith(`error: ${path}: point`)).toBe(true);
    expect(linesOf(stderr).length).toBeGreaterThan(0);
  });

  it.each([
    ["--drop", "weights:up", 'unknown operand to drop, got "weights:up"'],
    ["--drop", "weights:forward,weights:forward", "each once"],
    ["--sparsity", "0,1", "less than 1"],
    ["--seeds", "1,1", "each once, got 1 twice"],
  ])("%s %s is wrong usage", async (option, value, message) => {
    const { code, stderr } = await swatSim(["sensitivity", option, value], { cwd });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("takes one machine", async () => {
    const { code, stderr } = await swatSim([...STUDY, "--hw", "all"], { cwd });
    expect(stderr).toBe("error: --hw: must be one machine, got all\n");
    expect(code).toBe(1);
  });

  it("on Ctrl-C keeps the points that are finished", async () => {
    const folder = await temporaryFolder();
    const child = start([...STUDY, "--seeds", Array.from({ length: 2000 }, (_, seed) => seed).join()], { cwd: folder });
    const end = ended(child);
    const points = () => readdir(join(folder, "study/points")).catch(() => []);
    while (child.exitCode === null && (await points()).length === 0) await new Promise((done) => setTimeout(done, 50));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    const kept = (await points()).length;
    expect(stderr).toBe(
      `interrupted; ${kept} of 6000 points are finished and kept in study; the same command trains the others\n`,
    );
    expect((await readdir(join(folder, "study"))).sort()).toEqual(["points", "runs"]);
  });
});

describe("train --drop", () => {
  const settingsOf = async (...options: string[]) => {
    const args = ["train", ...TINY, "--epochs", "1", "--out", "run", ...options];
    const { code, stderr } = await swatSim(args, { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8")).settings;
  };

  it("is a setting where it is not what SWAT drops anyway", async () => {
    expect((await settingsOf("--drop", "outputGrad:backward+weights:forward")).drop).toEqual([
      "weights:forward",
      "outputGrad:backward",
    ]);
    const swat = await settingsOf("--drop", "inputs:backward+weights:forward+weights:backward");
    expect(swat).toEqual(await settingsOf());
    expect(swat).not.toHaveProperty("drop");
  });
});
