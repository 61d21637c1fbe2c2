/** The command as a process: killed and started again, and twice at once; and the shipped example. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, ROOT, start, swatSim } from "./program.ts";

const RESULTS = ["time-to-accuracy.json", "time-to-accuracy.csv", "curves.csv", "time-to-accuracy.md", "report.html"];
/** Files that are there at different times of a study: while it trains, and while it simulates. */
const AWAITED = ["runs/dense_seed1/checkpoint.safetensors", "simulated/swat-u_0.9_seed1"];
const study = (out: string) => [
  "time-to-accuracy",
  join(ROOT, "examples/time-to-accuracy.json"),
  "--out",
  out,
  "--threads",
  "1",
];

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-study-"));
  const { code, stderr, stdout } = await swatSim(study("whole"), { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("to dense ×");
});
afterAll(() => rm(cwd, { recursive: true }));

const resultsIn = (folder: string) => Promise.all(RESULTS.map((name) => readFile(join(cwd, folder, name), "utf8")));

async function present(path: string, isOver: () => boolean): Promise<void> {
  const [folder, name] = [join(cwd, path, ".."), path.split("/").at(-1) as string];
  while (!isOver() && !(await readdir(folder).catch((): string[] => [])).includes(name)) await sleep(5);
}

it("a study that was killed twice gives the same bytes", async () => {
  for (const file of AWAITED) {
    const child = start(study("killed"), { cwd });
    const end = ended(child);
    await present(`killed/${file}`, () => child.exitCode !== null);
    child.kill("SIGKILL");
    expect((await end).code).toBeNull();
  }
  expect(await swatSim(study("killed"), { cwd })).toMatchObject({ code: 0, stderr: "" });
  expect(await resultsIn("killed")).toEqual(await resultsIn("whole"));
});

it("a second study in the same folder is refused", async () => {
  const child = start(study("twice"), { cwd });
  const end = ended(child);
  await present("twice/study.lock", () => child.exitCode !== null);
  child.kill("SIGSTOP");
  const { code, stderr } = await swatSim(study("twice"), { cwd });
  expect(stderr).toContain(`error: twice: in use by process ${child.pid} since `);
  expect(code).toBe(1);
  child.kill("SIGCONT");
  expect(await end).toMatchObject({ code: 0, stderr: "" });
  expect(await resultsIn("twice")).toEqual(await resultsIn("whole"));
});

it("a report shows the study, by itself or beside others, and a file of another version is refused", async () => {
  const file = join("whole", RESULTS[0]);
  expect(await swatSim(["report", "--study", file, "--html", "page.html", "--svg", "charts"], { cwd })).toMatchObject({
    code: 0,
  });
  expect(await readFile(join(cwd, "page.html"), "utf8")).toBe(await readFile(join(cwd, "whole/report.html"), "utf8"));
  const charts = await readdir(join(cwd, "charts"));
  expect(charts).toContain("accuracy-over-time-two-sided-4096.svg");
  expect(charts).toHaveLength(4);
  const spec = join(ROOT, "examples/time-to-accuracy.json");
  const { code, stderr } = await swatSim(["report", "--study", spec, "--html", "other.html"], { cwd });
  expect(stderr).toContain("schema: unknown version, got nothing; known: 1.0");
  expect(code).toBe(1);
});
