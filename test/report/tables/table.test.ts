import { describe, expect, it } from "vitest";
import { loadCommonBaseline, loadEnergyTables, loadMachines } from "../../../src/api/open.ts";
import { reportPage } from "../../../src/report/html/page.ts";
import { resultTable } from "../../../src/report/tables/result-table.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";
import { named } from "../../support/report-input.ts";

const machines = await loadMachines(["ideal-4096", "activation-queue-4096", "tensordash-4096"]);
const zeros = await makeTrace({ weight: 0, input: 0, kept: 0, outputGrad: 0 }, "zeros", { network: "one\ntwo" });
const result = await simulate({ traces: [zeros], machines });

it("of a step that is all zeros has – for what is no number, in the terminal and on the page", async () => {
  const table = resultTable(result);
  expect(table).toContain("Zeros allow – ×");
  expect(table).toMatch(/^activation-queue-4096 +4\.10 +\d\.\d+ +\d\.\d+( +–){2}$/m);
  const page = await reportPage({ results: [named(result)], points: [] });
  // What is embedded is encoded and may hold any letters.
  for (const text of [table, page.replace(/base64,[^"]*/g, "")]) expect(text).not.toMatch(/NaN|Infinity/);
});

it("keeps names of traces on one line", () => {
  expect(resultTable(result)).toMatch(/^zeros\.safetensors: one\\u000atwo, swat-u/);
});

describe("machines of equal terms", async () => {
  const trace = await makeTrace(SWAT_DENSITIES, "swat");
  const commonBaseline = await loadCommonBaseline();
  const all = await loadMachines(["all"]);
  const energy = await loadEnergyTables(all);
  const full = await simulate({ traces: [trace], machines: all, commonBaseline, energy });
  const lines = resultTable(full).split("\n");
  const rowsOf = (text: string) =>
    text.split("\n").flatMap((line) => (/^[a-z-]+-4096 +\d/.test(line) ? [line.split(/ +/)] : []));

  it("stand first by time of the step; the bound is no row; those of another peak follow apart", () => {
    const rows = rowsOf(lines.join("\n"));
    expect(rows).toHaveLength(13);
    const times = rows.map(([, step]) => Number(step));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(rows.some(([name]) => name === "ideal-4096")).toBe(false);
    expect(lines.find((line) => line.startsWith("Bound, no machine: ideal-4096"))).toMatch(/× over dadiannao-4096\.$/);
    const apart = lines.findIndex((line) => line.startsWith("Of other peak"));
    const published = lines.findIndex((line) => /^tensordash +\d/.test(line));
    expect(apart).toBeGreaterThan(lines.findIndex((line) => line.startsWith("dadiannao-4096 ")));
    expect(published).toBeGreaterThan(apart);
  });

  it("fit a hundred columns, whatever a machine is called; asking for columns or all of them lifts the limit", () => {
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    const named = structuredClone(full);
    for (const machine of named.machines) machine.name = `${"long".repeat(15)}-${machine.name}`;
    for (const line of resultTable(named).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    expect(resultTable(full, { wide: true })).toMatch(/selection/);
    expect(resultTable(full, { columns: ["own", "peak"] })).toMatch(/^two-sided-4096 +\d+\.\d\d +4\.10$/m);
  });

  it("are ordered by the column asked for, the best machine first", () => {
    const rows = rowsOf(resultTable(full, { columns: ["own"], sort: "own" }));
    const gains = rows.slice(0, 13).map(([, gain]) => Number(gain));
    expect(gains).toEqual([...gains].sort((a, b) => b - a));
  });

  it("name what the selection of the method costs those that skip nothing", () => {
    const [{ totals }] = full.machines.filter(({ name }) => name === "dadiannao-4096");
    const { selectionSeconds, seconds } = totals.training;
    const share = ((100 * selectionSeconds) / seconds).toFixed(1);
    expect(lines.join(" ")).toContain(`${share} % on dadiannao-4096`);
  });
});
