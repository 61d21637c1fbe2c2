/** Names from files that would drive a terminal, turn text around, end lines or be computed by a spreadsheet, in every medium. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, swatSim } from "./program.ts";

/** Control characters but line ends, and what changes the direction of text. */
const HARMFUL = /(?!\n)[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const EVIL = "=1+1\u001b[31m\u0007\u202e\n<script>alert(1)</script>|`x`";
const HW = ["--hw", "dadiannao-4096", "weight-queue-4096"];

let cwd: string;
const TRACE = "a\u001b[31m\u202etrace.safetensors";

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-names-"));
  await copyFile(join(ROOT, "test/hostile/evil-trace.safetensors"), join(cwd, TRACE));
  const { code, stderr } = await swatSim(["simulate", TRACE, ...HW, "--out", "result.json"], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const result = JSON.parse(await readFile(join(cwd, "result.json"), "utf8"));
  Object.assign(result.traces[0], { name: EVIL, network: EVIL, method: EVIL });
  Object.assign(result.machines[0], { name: EVIL });
  result.machines[0].rows[0].layer = EVIL;
  await writeFile(join(cwd, "evil.json"), JSON.stringify(result));
});

afterAll(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) => swatSim(args, { cwd });

describe("harmful names", () => {
  it.each<[string, string[]]>([
    ["simulate", ["simulate", TRACE, ...HW]],
    ["simulate --json", ["simulate", TRACE, ...HW, "--json"]],
    ["simulate --wide", ["simulate", TRACE, ...HW, "--wide"]],
    ["trace inspect", ["trace", "inspect", TRACE]],
    ["trace stats", ["trace", "stats", TRACE]],
    ["trace verify", ["trace", "verify", TRACE]],
    ["explain", ["explain", TRACE, ...HW]],
    ["footprint", ["footprint", TRACE]],
    ["check record", ["check", "record", TRACE, ...HW, "-o", "check.json"]],
    ["check run", ["check", "run", "check.json"]],
    ["a missing file", ["simulate", "missing\u001b[31m\u202e", ...HW]],
    ["an unknown option", ["simulate", TRACE, "--\u001b[31m\u202eoption"]],
    ["an unknown command", ["sim\u001b[31m\u202e"]],
  ])("are printed visibly by %s", async (_, args) => {
    const { stdout, stderr } = await run(...args);
    expect(stdout + stderr).not.toBe("");
    expect(stdout).not.toMatch(HARMFUL);
    expect(stderr).not.toMatch(HARMFUL);
  });

  it("cannot fake a line of a table", async () => {
    const { stdout } = await run("trace", "inspect", TRACE);
    expect(stdout).toContain("evil\\u000a=cmd");
    expect(stdout).not.toMatch(/^=cmd/m);
  });

  it("are no formulas in CSV, where negative numbers stay numbers", async () => {
    expect((await run("simulate", TRACE, ...HW, "--csv", "rows.csv")).code).toBe(0);
    const text = await readFile(join(cwd, "rows.csv"), "utf8");
    expect(text).not.toMatch(HARMFUL);
    const rows = parse(text, { columns: true }) as Record<string, string>[];
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.layer).toMatch(/^'=HYPERLINK\(1\)\\u001b/);
    for (const row of rows) for (const cell of Object.values(row)) expect(cell).not.toMatch(/^[=+@]|^-(?!\d)/);
  });

  it("stay text in JUnit XML, the page and its charts", async () => {
    expect((await run("check", "run", "check.json", "--junit", "check.xml")).code).toBe(0);
    const { code, stderr } = await run("report", "evil.json", "--html", "page.html", "--svg", "charts");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const charts = (await readdir(join(cwd, "charts"))).map((name) => `charts/${name}`);
    expect(charts.length).toBeGreaterThan(0);
    for (const name of ["check.xml", "page.html", ...charts]) {
      const text = await readFile(join(cwd, name), "utf8");
      expect(text, name).not.toMatch(HARMFUL);
      expect(text, name).not.toContain("<script>alert");
    }
    expect(await readFile(join(cwd, "page.html"), "utf8")).toContain("&lt;script&gt;alert(1)");
  });
});
