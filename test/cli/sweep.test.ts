import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import seedrandom from "seedrandom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SWAT_DENSITIES, traceBytes } from "../support/make-trace.ts";
import { ended, linesOf, ROOT, start, swatSim, swatSimProcess } from "./program.ts";

const KILLS = 3;
const values = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const SPEC = {
  machines: ["tensordash-4096"],
  traces: ["trace.safetensors"],
  grid: { "params.rows": values(4), "params.tiles": values(2), "memory.dram.channels": [1, 2, 4, 3] },
  constraints: ["rows != 3"],
};
const POINTS = 3 * 2 * 4;

let cwd = "";
let expected = "";
const sweep = (...args: string[]) => ["sweep", "spec.json", ...args];
const linesIn = async (path: string) => linesOf(await readFile(join(cwd, path), "utf8").catch(() => "")).length;
const SYNTHETIC = {
  machines: ["tensordash-4096"],
  synthetic: { network: "lenet5", images: "12x12x1", batch: 1 },
  grid: {
    "synthetic.method": ["swat-u", "swat-erk"],
    "synthetic.sparsity": [0.5, 0.9],
    "params.rows": [1, 4],
  },
  constraints: ["sparsity < 0.9 or rows >= 3"],
};
const grownTo = async (path: string, lines: number, hasEnded: () => boolean) => {
  while (!hasEnded() && (await linesIn(path)) < lines) await new Promise((done) => setTimeout(done, 5));
};

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-sweep-"));
  await writeFile(join(cwd, "trace.safetensors"), traceBytes(SWAT_DENSITIES));
  await writeFile(join(cwd, "spec.json"), JSON.stringify(SPEC));
  expect(await swatSimProcess(sweep("--out", "whole"), { cwd })).toEqual({
    code: 0,
    stdout: `${POINTS} points in ${join("whole", "sweep.jsonl")}\n`,
    stderr: "",
  });
  expected = await readFile(join(cwd, "whole/sweep.jsonl"), "utf8");
});
afterAll(() => rm(cwd, { recursive: true }));

describe("sweep", () => {
  it("killed again and again at random and resumed gives the same bytes as uninterrupted", async () => {
    const random = seedrandom("kills");
    for (let kill = 0; kill < KILLS; kill++) {
      const lines = (await linesIn("killed/points.jsonl")) + Math.floor(random() * 8);
      const child = start(sweep("--out", "killed", "--threads", "1"), { cwd });
      const end = ended(child);
      await grownTo("killed/points.jsonl", lines, () => child.exitCode !== null);
      child.kill("SIGKILL");
      await end;
    }
    // However far it came, something is left to do, after a line that its writer did not finish.
    const path = join(cwd, "killed/points.jsonl");
    await truncate(path, Math.floor((await readFile(path)).length * (0.3 + random() * 0.6)));
    await rm(join(cwd, "killed/sweep.jsonl"), { force: true });
    const { code, stdout } = await swatSim(sweep("--out", "killed", "--threads", "1", "--json"), { cwd });
    expect(code).toBe(0);
    expect(stdout).toBe(expected);
    expect(await readFile(join(cwd, "killed/sweep.jsonl"), "utf8")).toBe(expected);
    expect(await linesIn("killed/points.jsonl")).toBe(1 + POINTS);
  });

  it("in three shards, merged, gives the same bytes, and not before all have come", async () => {
    const shard = (part: number) =>
      swatSim(sweep("--out", "shards", "--shard", `${part}/3`, "--threads", "1", "--json"), { cwd });
    const first = await shard(1);
    const early = await swatSim(["sweep", "merge", "shards", "-o", "merged.jsonl"], { cwd });
    expect(early.code).toBe(1);
    expect(early.stderr).toContain(`${(POINTS * 2) / 3} of ${POINTS} points are missing`);
    const others = await Promise.all([shard(2), shard(3)]);
    const printed = [first, ...others].flatMap(({ stdout }) => linesOf(stdout));
    expect(printed.toSorted()).toEqual(linesOf(expected).toSorted());
    const merged = await swatSim(["sweep", "merge", "shards", "-o", "merged.jsonl"], { cwd });
    expect(merged).toEqual({ code: 0, stdout: `${POINTS} points in merged.jsonl\n`, stderr: "" });
    expect(await readFile(join(cwd, "merged.jsonl"), "utf8")).toBe(expected);
  });

  it("is refused while another process sweeps into that folder", async () => {
    const child = start(sweep("--out", "twice"), { cwd });
    const end = ended(child);
    await grownTo("twice/points.jsonl", 2, () => child.exitCode !== null);
    child.kill("SIGSTOP");
    const { code, stderr } = await swatSim(sweep("--out", "twice"), { cwd });
    expect(stderr).toContain(`error: twice: in use by process ${child.pid} since `);
    expect(code).toBe(1);
    child.kill("SIGCONT");
    expect(await end).toMatchObject({ code: 0, stderr: "" });
    expect(await readFile(join(cwd, "twice/sweep.jsonl"), "utf8")).toBe(expected);
    expect(await readdir(join(cwd, "twice"))).toEqual(["points.jsonl", "sweep.jsonl"]);
  });

  it("on Ctrl-C keeps what is done and says how to go on", async () => {
    const wide = { ...SPEC, grid: { ...SPEC.grid, "params.columns": values(20) } };
    await writeFile(join(cwd, "wide.json"), JSON.stringify(wide));
    const child = start(["sweep", "wide.json", "--out", "wide"], { cwd });
    const end = ended(child);
    await grownTo("wide/points.jsonl", 2, () => child.exitCode !== null);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await end;
    const path = join("wide", "points.jsonl");
    const kept = (await linesIn(path)) - 1;
    const message = `${kept} of ${20 * POINTS} points are kept in ${path}; the same command does the others`;
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: "", stderr: `interrupted; ${message}\n` });
    expect(await readdir(join(cwd, "wide"))).toEqual(["points.jsonl"]);
  });

  it("of synthetic traces gives what trace synth and simulate give, the same bytes on any threads, resumed or not", async () => {
    await writeFile(join(cwd, "synthetic.json"), JSON.stringify(SYNTHETIC));
    const run = (threads: string) => ["sweep", "synthetic.json", "--out", "synthetic", "--threads", threads, "--json"];
    const { code, stdout, stderr } = await swatSim(run("1"), { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const path = join(cwd, "synthetic/points.jsonl");
    await truncate(path, Math.floor((await readFile(path)).length * 0.3));
    expect(await swatSim(run("2"), { cwd })).toEqual({ code, stdout, stderr });
    expect(await readdir(join(cwd, "synthetic"))).toEqual(["points.jsonl", "sweep.jsonl"]);

    const step = ["--network", "lenet5", "--images", "12x12x1", "--batch", "1", "--method", "swat-erk", "--sparsity"];
    await swatSim(["trace", "synth", ...step, "0.9", "-o", "step.safetensors"], { cwd });
    const args = ["simulate", "step.safetensors", "--hw", "tensordash-4096", "--json"];
    const { traces, machines } = JSON.parse((await swatSim(args, { cwd })).stdout);
    const { rows } = machines[0].config.params;
    const points = linesOf(stdout).map((line) => JSON.parse(line));
    const last = points.find(({ trace, point }) => trace.endsWith("erk 0.9") && point["params.rows"] === rows);
    expect(points).toHaveLength(2 * 2 + 2);
    expect(last.sha256).toBe(traces[0].sha256);
    const { cycles, speedup, energy } = machines[0].totals.training;
    expect(last.metrics).toMatchObject({ cycles, speedup, energyPicojoules: energy.picojoules });
  });

  it("pareto prints the front as a table or as lines of the result", async () => {
    const args = ["sweep", "pareto", "whole/sweep.jsonl", "--x", "multipliers", "--y", "seconds"];
    const { stdout } = await swatSim([...args, "--json"], { cwd });
    const front = linesOf(stdout);
    expect(front.length).toBeGreaterThan(1);
    for (const line of front) expect(linesOf(expected)).toContain(line);
    const table = await swatSim(args, { cwd });
    expect(linesOf(table.stdout)).toHaveLength(1 + front.length);
  });

  it("takes accelerators of one's own, and says how many points were refused, and why", async () => {
    const [config, module] = ["broadcast-4096.json", "broadcast.js"].map((name) => join(ROOT, "examples", name));
    const own = { machines: [config], modules: [module], grid: { "params.lanes": [0, 1, -1] } };
    await writeFile(join(cwd, "refused.json"), JSON.stringify({ ...SPEC, ...own, constraints: [] }));
    const { code, stderr } = await swatSim(["sweep", "refused.json", "--out", "refused"], { cwd });
    expect(stderr).toMatch(/^warning: 2 of 3 points were refused; the first: broadcast-4096: params\.lanes: .*\n$/);
    expect(code).toBe(0);
  });

  it("pareto of a swept cost and the time has a front: more DRAM channels for shorter steps, as in the examples", async () => {
    const args = [
      "sweep",
      "pareto",
      "whole/sweep.jsonl",
      "--x",
      "min:memory.dram.channels",
      "--y",
      "seconds",
      "--json",
    ];
    const { stdout } = await swatSim(args, { cwd });
    const front = linesOf(stdout).map((line) => JSON.parse(line));
    const [channels, seconds] = [
      front.map(({ point }) => point["memory.dram.channels"]),
      front.map(({ metrics }) => metrics.seconds),
    ];
    expect(channels).toEqual([1, 2, 3, 4]);
    expect(seconds).toEqual([...seconds].sort((a, b) => b - a));
  });

  it("pareto --help lists no option that it does not take, and none twice", async () => {
    const { stdout } = await swatSim(["sweep", "pareto", "--help"]);
    expect(stdout).toContain("--debug");
    expect(stdout).not.toMatch(/--threads|--shard|--out </);
    expect(stdout.match(/--json/g)).toHaveLength(1);
  });

  it.each([
    [sweep("--shard", "4/3"), "valid: i/n with 1 ≤ i ≤ n, as 2/3", 2],
    [["sweep", "pareto", "whole/sweep.jsonl", "--x", "cycels", "--y", "cycles"], 'did you mean "cycles"?', 2],
  ])("%j is refused", async (args, message, expectedCode) => {
    const { code, stderr } = await swatSim(args, { cwd });
    expect(stderr).toContain(message);
    expect(code).toBe(expectedCode);
  });
});
