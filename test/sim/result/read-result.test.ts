import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { readResult } from "../../../src/sim/result/read-result.ts";
import type { SimulationResult } from "../../../src/sim/result/result.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { faultsOf } from "../../support/folder.ts";
import { makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";
import { resultOf } from "../../support/report-input.ts";

const result = await resultOf({ 4: 0.2 });
const changed = (change: object) => ({ ...structuredClone(result), ...change });

it("a result is read as it was written", () => {
  expect(readResult(JSON.parse(JSON.stringify(result)), "r.json")).toEqual({ result, warnings: [] });
});

it("a newer minor version is read without what it adds, with a warning", () => {
  const { result: read, warnings } = readResult(changed({ schema: "2.9", weather: "fine" }), "r.json");
  expect(read).toEqual({ ...result, schema: "2.9" });
  expect(warnings).toEqual(["r.json: result version 2.9 is newer than 2.0; what it adds is not understood"]);
});

it.each(["99.0", "0.9", "", undefined, null])("version %j is refused before anything else", async (schema) => {
  const faults = await faultsOf(() => readResult(changed({ schema, traces: 3 }), "r.json"));
  expect(faults).toEqual([
    `r.json: schema: unknown version, got ${schema === undefined ? "nothing" : JSON.stringify(schema)}; known: 1.x, 2.0`,
  ]);
});

it("rows of traces that are not there, and footprints of none, are refused, all at once", async () => {
  const wrong = changed({ footprint: [] });
  wrong.machines[0].rows[1].trace = 1;
  wrong.machines[1].rows[0].trace = -1;
  expect(await faultsOf(() => readResult(wrong, "r.json"))).toEqual([
    "r.json: machines.0.rows.1.trace: no such trace, got 1; valid: from 0 to less than 1",
    "r.json: machines.1.rows.0.trace: no such trace, got -1; valid: from 0 to less than 1",
    "r.json: footprint: must have one item a trace, got 0 of 1",
  ]);
});

it("no object at all is refused", async () => {
  expect(await faultsOf(() => readResult(null, "r.json"))).toEqual([
    "r.json: schema: unknown version, got nothing; known: 1.x, 2.0",
  ]);
});

describe("a result of version 1", async () => {
  const trace = await makeTrace(SWAT_DENSITIES);
  const machines = await loadMachines(["tensordash-4096", "scnn", "ideal-4096"]);
  /** A result as version 1 wrote it: without what version 2 added, and with sums for means. */
  const old = (result: SimulationResult, machine: string): object => ({
    ...result,
    schema: "1.0",
    baseline: { ...result.baseline, machine },
    machines: result.machines.map(({ isBound: _, ...one }) => ({
      ...one,
      baseline: { name: one.baseline.name, config: one.baseline.config },
      rows: one.rows.map(
        ({ counterpartCycles: _, counterpartComputeCycles: __, counterpartSeconds: ___, ...row }) => row,
      ),
      totals: Object.fromEntries(Object.keys(one.totals).map((name) => [name, { seconds: 1, baselineSeconds: 1 }])),
    })),
  });

  it("reads as one of today whose machines are compared with their own dense counterparts, and says so", async () => {
    const today = await simulate({ traces: [trace, trace], machines });
    const { result: read, warnings } = readResult(JSON.parse(JSON.stringify(old(today, "self"))), "r.json");
    expect(read).toEqual(today);
    expect(warnings).toEqual([
      expect.stringContaining("r.json: result version 1.0: each machine is compared with its own"),
    ]);
  });

  it("with a baseline of its own keeps that, knows what differs from it, and no time of the dense counterpart", async () => {
    const [, baseline] = await loadMachines(["mesh-4096", "dadiannao-4096"]);
    const today = await simulate({ traces: [trace], machines, baseline, allowUnequal: true });
    const { result: read, warnings } = readResult(JSON.parse(JSON.stringify(old(today, baseline.name))), "r.json");
    expect(warnings).toEqual([]);
    read.machines.forEach(({ baseline, totals, rows, isBound }, index) => {
      const now = today.machines[index];
      expect(baseline).toEqual(now.baseline);
      expect(isBound).toBe(now.isBound);
      expect(totals.matmul.compute).toEqual(now.totals.matmul.compute);
      expect(totals.training.speedup).toBe(now.totals.training.speedup);
      expect([totals.training.ownSkippingGain, rows[0].counterpartSeconds]).toEqual([undefined, undefined]);
    });
  });

  it("that is damaged is refused by the schema", async () => {
    expect(await faultsOf(() => readResult({ schema: "1.0", machines: 3 }, "r.json"))).not.toEqual([]);
  });
});
