import { expect, it } from "vitest";
import { readResult } from "../../src/sim/read-result.ts";
import { faultsOf } from "../io/folder.ts";
import { resultOf } from "../report/report-input.ts";

const result = await resultOf({ 4: 0.2 });
const changed = (change: object) => ({ ...structuredClone(result), ...change });

it("a result is read as it was written", () => {
  expect(readResult(JSON.parse(JSON.stringify(result)), "r.json")).toEqual({ result, warnings: [] });
});

it("a newer minor version is read without what it adds, with a warning", () => {
  const { result: read, warnings } = readResult(changed({ schema: "1.9", weather: "fine" }), "r.json");
  expect(read).toEqual({ ...result, schema: "1.9" });
  expect(warnings).toEqual(["r.json: result version 1.9 is newer than 1.0; what it adds is not understood"]);
});

it.each(["99.0", "0.9", "", undefined, null])("version %j is refused before anything else", async (schema) => {
  const faults = await faultsOf(() => readResult(changed({ schema, traces: 3 }), "r.json"));
  expect(faults).toEqual([`r.json: schema: unknown version, got ${schema}; known: 1.0`]);
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
    "r.json: schema: unknown version, got undefined; known: 1.0",
  ]);
});
