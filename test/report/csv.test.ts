import { parse } from "csv-parse/sync";
import { expect, it } from "vitest";
import { loadCommonBaseline, loadEnergyTables, loadMachines } from "../../src/api/open.ts";
import { resultCsv } from "../../src/report/csv.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";

const machines = await loadMachines(["tensordash-4096", "scnn"]);
const traces = [await makeTrace(SWAT_DENSITIES, "swat")];
const energy = await loadEnergyTables(machines);
const result = await simulate({ traces, machines, commonBaseline: await loadCommonBaseline(), energy });
const recordsOf = (csv: string): Record<string, string>[] => parse(csv, { columns: true });
const records = recordsOf(resultCsv(result));

it("has the time of an op in µs, energy in µJ and bytes in MB, which add up to those of the result", () => {
  for (const { name, totals, rows } of result.machines) {
    const own = records.filter(({ machine }) => machine === name);
    const sum = (column: string) => own.reduce((total, record) => total + Number(record[column]), 0);
    expect(own).toHaveLength(rows.length);
    expect(sum("time_us")).toBeCloseTo(totals.training.seconds * 1e6, 9);
    expect(sum("baseline_time_us")).toBeCloseTo(totals.training.baselineSeconds * 1e6, 9);
    expect(sum("energy_uJ")).toBeCloseTo((totals.training.energy?.picojoules as number) / 1e6, 6);
    const dram = rows.flatMap(({ traffic }) => Object.values(traffic.dram ?? {}));
    expect(sum("dram_MB")).toBeCloseTo(dram.reduce((total, bytes) => total + bytes, 0) / 1e6, 9);
    const parts = ["mac", "register", "skipping", "vector", "on_chip", "dram"].map((part) => sum(`${part}_energy_uJ`));
    expect(parts.reduce((total, part) => total + part, 0)).toBeCloseTo(sum("energy_uJ"), 6);
  }
});

it("names the baseline of each machine, and has the gains over it and over the own dense counterpart", () => {
  for (const { name, baseline, rows } of result.machines) {
    const own = records.filter(({ machine }) => machine === name);
    for (const [index, row] of rows.entries()) {
      const { baseline: over, speedup, array_speedup, own_skipping_gain, of_ideal_percent } = own[index];
      expect(over).toBe(baseline.name);
      expect(Number(speedup)).toBeCloseTo(row.baselineSeconds / row.seconds, 12);
      const { compute } = row.cycles;
      const numbers = [row.baselineComputeCycles, row.counterpartComputeCycles, 100 * row.idealCycles];
      const expected = compute === 0 ? ["", "", ""] : numbers.map((number) => (number / compute).toPrecision(10));
      const shown = [array_speedup, own_skipping_gain, of_ideal_percent];
      expect(shown.map((text) => text && Number(text).toPrecision(10))).toEqual(expected);
    }
  }
});

it("compares arrays of different clocks by time", async () => {
  const [baseline] = machines;
  const config = { ...baseline.config, clock: "2 GHz" };
  const fast = { ...baseline, config, clockHz: 2 * baseline.clockHz };
  const [own] = await loadMachines(["dadiannao-4096"]);
  const unequal = await simulate({ traces, machines: [fast], baseline: own, allowUnequal: true });
  const { rows } = unequal.machines[0];
  const index = rows.findIndex(({ kind }) => kind === "conv");
  const { array_speedup } = recordsOf(resultCsv(unequal))[index];
  expect(Number(array_speedup)).toBe((2 * rows[index].baselineComputeCycles) / rows[index].cycles.compute);
});

it("writes names of columns in lower case, with the unit at the end where there is one", () => {
  const columns = Object.keys(records[0]);
  for (const column of columns) expect(column.replace(/_(MB|uJ)$/, "")).toMatch(/^[a-z0-9_]+$/);
  expect(columns).toEqual(expect.arrayContaining(["total_cycles", "top_k_macs", "saved_by_image_padding_cycles"]));
});
