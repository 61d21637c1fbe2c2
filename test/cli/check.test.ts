import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckFile } from "../../src/studies/check.ts";
import { damaged, fileBytes, handMade } from "../support/hand-made.ts";
import { linesOf, type Outcome, ROOT, swatSim } from "./program.ts";

const OP = "0/0 conv forward";
const COUNTER = "cycles.total";

let cwd = "";
let recording: Outcome;
let recorded: CheckFile;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-check-"));
  await mkdir(join(cwd, "traces"));
  await writeFile(join(cwd, "traces/hand.safetensors"), fileBytes(handMade()));
  const args = ["traces/hand.safetensors", "--hw", "tensordash", "dadiannao", "-o", "golden/counts.json"];
  recording = await swatSim(["check", "record", ...args], { cwd });
  recorded = JSON.parse(await readFile(join(cwd, "golden/counts.json"), "utf8"));
});
afterAll(() => rm(cwd, { recursive: true }));

/** `check run` on the recorded file with a change. */
async function runChanged(
  name: string,
  change: (check: CheckFile) => void,
  options: readonly string[] = [],
): Promise<Outcome> {
  const check = structuredClone(recorded);
  change(check);
  await writeFile(join(cwd, "golden", name), JSON.stringify(check));
  return swatSim(["check", "run", `golden/${name}`, ...options], { cwd });
}

/** Cells of the lines of a table, which stand two spaces or more apart. */
const cellsOf = (printed: string) => linesOf(printed).map((line) => line.trim().split(/ {2,}/));

/** Place of a counter in the counts of a machine's ops. */
const at = (machine: CheckFile["machines"][number], counter: string) => machine.counters.indexOf(counter);

describe("check record", () => {
  it("keeps machines, versions and the path of each trace from the file's folder", () => {
    expect(recording).toMatchObject({ code: 0, stderr: "" });
    expect(recorded.traces.map(({ path }) => path)).toEqual(["../traces/hand.safetensors"]);
    expect(recorded.machines.map(({ config }) => config.name)).toEqual(["tensordash", "dadiannao"]);
    expect(Object.keys(recorded.machines[0].counts)).toEqual([
      OP,
      "0/1 conv forward select",
      "0/2 relu forward",
      "0/3 conv inputGrad transpose",
      "0/4 conv inputGrad",
      "0/5 conv weightGrad transpose",
      "0/6 conv weightGrad",
    ]);
  });
});

describe("check run", () => {
  it("finds all counts equal from wherever it is called, on several threads, too, and exits with 0", async () => {
    const { code, stdout, stderr } = await swatSim(["check", "run", join(cwd, "golden/counts.json"), "--threads", "2"]);
    expect(stderr).toBe("");
    expect(linesOf(stdout)).toEqual([
      expect.stringMatching(/^tensordash: [1-9]\d* counts equal$/),
      expect.stringMatching(/^dadiannao: [1-9]\d* counts equal$/),
    ]);
    expect(code).toBe(0);
  });

  it("prints op, counter, old and new value of a regression, and exits with 1", async () => {
    const actual = Number(recorded.machines[0].counts[OP][at(recorded.machines[0], COUNTER)]);
    const { code, stdout } = await runChanged("regression.json", ({ machines }) => {
      machines[0].counts[OP][at(machines[0], COUNTER)] = actual + 5;
      machines[1].counts["0/3 conv inputGrad"][at(machines[1], "macs.dense")] = null;
    });
    const dense = 2 * 2 * 2 * 2 * 3 * 2 * 2;
    const change = Number(((-5 / (actual + 5)) * 100).toPrecision(2));
    expect(cellsOf(stdout)).toEqual([
      [expect.stringMatching(/^tensordash: regression: 1 of \d+ counts differ$/)],
      ["op", "counter", "recorded", "now", "change"],
      [OP, COUNTER, `${actual + 5}`, `${actual}`, `${change} %`],
      [expect.stringMatching(/^dadiannao: regression: 1 of \d+ counts differ$/)],
      ["op", "counter", "recorded", "now", "change"],
      ["0/3 conv inputGrad", "macs.dense", "not recorded", `${dense}`],
    ]);
    expect(code).toBe(1);
  });

  it("says that the model changed, where its version rose, and not that it regressed", async () => {
    const { code, stdout } = await runChanged("older.json", ({ machines }) => {
      for (const machine of machines) machine.modelVersion -= 1;
      machines[0].counts[OP][at(machines[0], COUNTER)] =
        Number(recorded.machines[0].counts[OP][at(recorded.machines[0], COUNTER)]) + 5;
    });
    const [changed, , difference, equal] = linesOf(stdout);
    expect(changed).toMatch(/^tensordash: model changed: version \d+ to \d+: 1 of \d+ counts differ$/);
    expect(difference).toMatch(new RegExp(`^${OP} +${COUNTER} `));
    expect(equal).toMatch(/^dadiannao: \d+ counts equal; model changed: version \d+ to \d+$/);
    expect(stdout).not.toContain("regression");
    expect(code).toBe(1);
  });

  it("refuses a trace that is not the recorded one, and names it", async () => {
    await writeFile(
      join(cwd, "traces/other.safetensors"),
      damaged(({ manifest }) => Object.assign(manifest, { step: 8 })),
    );
    const { code, stdout, stderr } = await runChanged("trace.json", ({ traces }) => {
      traces[0].path = "../traces/other.safetensors";
    });
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(
      /traces\/other\.safetensors: is not the trace that was recorded: SHA-256 [0-9a-f]{64}, recorded [0-9a-f]{64}/,
    );
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("refuses a file that is no check file, all faults at once, and one that would check nothing", async () => {
    const { code, stderr } = await runChanged("damaged.json", (check) => {
      Object.assign(check, { extra: 1 });
      check.machines = [];
    });
    expect(linesOf(stderr).sort()).toEqual([
      "error: golden/damaged.json: machines: must have at least 1 item, got []",
      'error: golden/damaged.json: unknown key, got "extra"; did you mean "schema"? known: schema, traces, commonBaseline, baseline, allowUnequal, machines',
    ]);
    expect(code).toBe(1);
  });
});

describe("check run --junit", () => {
  it("writes a suite for each machine, a case for each op, and in a failed one counter, old and new value", async () => {
    const actual = Number(recorded.machines[1].counts[OP][at(recorded.machines[1], COUNTER)]);
    const { code } = await runChanged(
      "junit.json",
      ({ machines }) => {
        machines[1].counts[OP][at(machines[1], COUNTER)] = actual + 5;
      },
      ["--junit", "out/counts.xml"],
    );
    expect(code).toBe(1);
    const xml = await readFile(join(cwd, "out/counts.xml"), "utf8");
    expect(xml.match(/<testsuite .*?name="(.*?)" tests="(\d+)" failures="(\d+)"/g)).toEqual([
      '<testsuite name="tensordash" tests="7" failures="0"',
      '<testsuite name="dadiannao" tests="5" failures="1"',
    ]);
    expect(xml.match(/<testcase .*? name=".*?"/g)).toEqual(
      recorded.machines.flatMap(({ config, counts }) =>
        Object.keys(counts).map((op) => `<testcase classname="${config.name}" name="${op}"`),
      ),
    );
    const text = `${COUNTER}: ${actual + 5} → ${actual}`;
    expect(xml).toContain(`    <testcase classname="dadiannao" name="${OP}">
      <failure type="regression" message="${text}">${text}</failure>
    </testcase>
`);
  });
});

describe("check bless", () => {
  it("shows what changed and writes it only when told to; then nothing is left to bless", async () => {
    const path = join(cwd, "golden/bless.json");
    const { stdout, code } = await runChanged("bless.json", ({ machines }) => {
      const values = machines[0].counts[OP];
      values[at(machines[0], COUNTER)] = Number(values[at(machines[0], COUNTER)]) + 5;
      machines[1].modelVersion -= 1;
    });
    expect(code).toBe(1);
    const before = await readFile(path, "utf8");
    const bless = (...more: string[]) => swatSim(["check", "bless", "golden/bless.json", ...more], { cwd });

    const shown = await bless();
    expect(shown).toMatchObject({ code: 1, stderr: "" });
    expect(shown.stdout).toBe(`${stdout}golden/bless.json: not written\n`);
    expect(await readFile(path, "utf8")).toBe(before);

    expect(await bless("--yes")).toEqual({ code: 0, stderr: "", stdout: `${stdout}golden/bless.json: written\n` });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual(recorded);

    const { mtimeMs } = await stat(path);
    expect(await bless("--yes")).toEqual({ code: 0, stderr: "", stdout: "golden/bless.json: nothing changed\n" });
    expect((await stat(path)).mtimeMs).toBe(mtimeMs);
  });
});

describe("check record --energy", () => {
  it("keeps energies by the table that is asked for, in the file, and the tolerance; both survive a blessing", async () => {
    const energy = ["--energy", "7nm", "--energy-tolerance", "0.01"];
    const args = ["traces/hand.safetensors", "--hw", "tensordash", ...energy, "-o", "golden/energy.json"];
    expect(await swatSim(["check", "record", ...args], { cwd })).toMatchObject({ code: 0, stderr: "" });
    const path = join(cwd, "golden/energy.json");
    const check = JSON.parse(await readFile(path, "utf8")) as CheckFile;
    const { table, tolerance, counters, picojoules } = check.machines[0].energy ?? expect.fail("no energy");
    expect([table.name, tolerance]).toEqual(["7nm", 0.01]);
    expect(Object.keys(picojoules)).toEqual(Object.keys(check.machines[0].counts));

    const total = counters.indexOf("energy.picojoules");
    const before = structuredClone(check);
    picojoules[OP][total] = Number(picojoules[OP][total]) * 1.02;
    await writeFile(path, JSON.stringify(check));
    const blessed = await swatSim(["check", "bless", "golden/energy.json", "--yes"], { cwd });
    expect(cellsOf(blessed.stdout)[2].slice(0, 2)).toEqual([OP, "energy.picojoules"]);
    expect(cellsOf(blessed.stdout)).toHaveLength(4);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual(before);
  });
});

describe("check --machine", () => {
  it("takes an accelerator of one's own, and says which are known where it is missing", async () => {
    const machine = ["--machine", join(ROOT, "examples/broadcast.js")];
    const hw = ["--hw", join(ROOT, "examples/broadcast-4096.json")];
    const args = ["traces/hand.safetensors", ...hw, ...machine, "-o", "golden/own.json"];
    expect(await swatSim(["check", "record", ...args], { cwd })).toMatchObject({ code: 0, stderr: "" });
    const { code, stdout } = await swatSim(["check", "run", "golden/own.json", "--threads", "2", ...machine], { cwd });
    expect(stdout).toMatch(/^broadcast-4096: [1-9]\d* counts equal\n$/);
    expect(code).toBe(0);
    const without = await swatSim(["check", "run", "golden/own.json"], { cwd });
    expect(without).toMatchObject({ code: 1, stdout: "" });
    expect(without.stderr).toMatch(/golden\/own\.json: broadcast-4096: accelerator.*"broadcast".*tensordash/);
  });
});
