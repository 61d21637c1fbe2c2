import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { named, resultOf, sweepPoint } from "../support/report-input.ts";
import { linesOf, swatSim } from "./program.ts";

const { result } = named(await resultOf({ 4: 0.2 }));

it("report writes the page and its charts, the same bytes every time, and names the files", async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, "result.json"), JSON.stringify(result));
  const points = [sweepPoint(1, 2), sweepPoint(2, 3)].map((point) => `${JSON.stringify(point)}\n`);
  await writeFile(join(cwd, "points.jsonl"), points.join(""));
  const args = ["report", "result.json", "--sweep", "points.jsonl", "--html", "out/report.html", "--svg", "out/charts"];
  const { code, stdout, stderr } = await swatSim(args, { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const charts = await readdir(join(cwd, "out/charts"));
  expect(charts).toEqual(
    expect.arrayContaining(["cycles.svg", "footprint.svg", "pareto.svg", "roofline.svg", "speedup.svg"]),
  );
  expect(linesOf(stdout).sort()).toEqual(["out/report.html", ...charts.map((name) => join("out/charts", name))].sort());
  const page = await readFile(join(cwd, "out/report.html"));
  await swatSim(["report", "result.json", "--sweep", "points.jsonl", "--html", "again.html"], { cwd });
  expect(await readFile(join(cwd, "again.html"))).toEqual(page);
});

it("report tells all faults of all files, with file, line and field, and writes nothing", async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, "a.json"), JSON.stringify({ ...result, traces: 3, extra: 1 }));
  await writeFile(join(cwd, "b.json"), "{");
  const { code, stdout, stderr } = await swatSim(["report", "a.json", "b.json", "gone.json", "--html", "r.html"], {
    cwd,
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  const lines = linesOf(stderr);
  expect(lines).toContain("error: a.json: traces: must be array, got 3");
  expect(lines.find((line) => line.startsWith('error: a.json: unknown key, got "extra"'))).toBeDefined();
  expect(lines.find((line) => line.startsWith("error: b.json: is not JSON"))).toBeDefined();
  expect(lines).toContain("error: gone.json: no such file");
  await writeFile(join(cwd, "points.jsonl"), `${JSON.stringify(sweepPoint(1, 2))}\n{"machine":"m"}\n{"unfin`);
  const sweep = await swatSim(["report", "--sweep", "points.jsonl", "--html", "r.html"], { cwd });
  expect(sweep.code).toBe(1);
  expect(linesOf(sweep.stderr)).toContain('error: points.jsonl: line 2: missing key "point"');
  expect(sweep.stderr).toContain("error: points.jsonl: line 3: is not JSON");
  expect((await readdir(cwd)).sort()).toEqual(["a.json", "b.json", "points.jsonl"]);
});
