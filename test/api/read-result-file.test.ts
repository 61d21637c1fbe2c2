import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readResultFile } from "../../src/api/read-result-file.ts";
import { writeFileAtomically, writeJsonFile } from "../../src/io/atomic-file.ts";
import { resultCsv, resultCsvParts } from "../../src/report/csv.ts";
import { cellsOf } from "../../src/report/workloads.ts";
import type { ResultRow, SimulationResult } from "../../src/sim/result/result.ts";
import { totalsOf } from "../../src/sim/result/totals.ts";
import { temporaryFolder } from "../support/folder.ts";
import { named, resultOf } from "../support/report-input.ts";

const result = await resultOf({ 4: 0.2, 8: 0.4 });
/** The same ops again and again, 3,000 of each machine and more, no two of which take the same time. */
const many: SimulationResult = {
  ...result,
  machines: result.machines.map((machine) => ({
    ...machine,
    rows: Array.from({ length: 3000 }, (_, at): ResultRow => {
      const row = machine.rows[at % machine.rows.length];
      const total = row.cycles.total + at;
      return { ...row, layer: `layer ${at}`, cycles: { ...row.cycles, total }, seconds: row.seconds * (1 + at) };
    }),
  })),
};

async function written(content: unknown): Promise<string> {
  const path = join(await temporaryFolder(), "result.json");
  await writeJsonFile(path, content);
  return path;
}

it("a result is written as JSON.stringify writes it, and read row by row as it is read whole", async () => {
  const path = await written(result);
  expect(await readFile(path, "utf8")).toBe(`${JSON.stringify(result, null, 2)}\n`);
  const [whole, byRow] = [await readResultFile(path), await readResultFile(path, 0)];
  expect(byRow).toEqual(whole);
});

it("of many rows those with most cycles stay, and all sums are those of all rows", async () => {
  const { result: thin, warnings } = await readResultFile(await written(many), 0);
  expect(warnings).toEqual([
    expect.stringContaining("2000 ops with most cycles are shown one by one, the other 2000 as sums"),
  ]);
  for (const [m, { rows, config }] of thin.machines.entries()) {
    const all = many.machines[m].rows;
    const least = [...all].sort((a, b) => b.cycles.total - a.cycles.total)[1999].cycles.total;
    const kept = rows.filter(({ layer }) => layer.startsWith("layer "));
    expect(kept).toEqual(all.filter((row) => kept.some(({ layer }) => layer === row.layer)));
    expect(kept.every(({ cycles }) => cycles.total >= least)).toBe(true);
    expect(rows.length - kept.length).toBeLessThan(40);
    const others = rows
      .filter(({ layer }) => layer.endsWith(" other ops"))
      .map(({ layer }) => Number.parseInt(layer, 10));
    expect(others.reduce((sum, count) => sum + count, kept.length)).toBe(3000);
    const totals = (of: readonly ResultRow[]) =>
      totalsOf(of, {
        ...{ machine: { clockHz: Number.parseFloat(config.clock) }, baselineClockHz: 1 },
        ...{ steps: 2, dense: { ops: [], steps: 0 } },
      });
    const numbers = (value: unknown): number[] =>
      typeof value === "number" ? [value] : Object.values(value ?? {}).flatMap(numbers);
    const [expected, got] = [numbers(totals(all)), numbers(totals(rows))];
    expect(got.length).toBe(expected.length);
    for (const [i, value] of got.entries()) {
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1e-9 * Math.abs(expected[i]));
    }
  }
  const places = ({ rows }: { rows: readonly ResultRow[] }) =>
    rows.reduce((sum, { traffic }) => sum + (traffic.dram?.output ?? 0), 0);
  expect(cellsOf([named(thin)]).map(places)).toEqual(cellsOf([named(many)]).map(places));
});

it("a row that is none is named, also where rows are read one by one", async () => {
  const [first, ...rest] = result.machines;
  const broken = (row: unknown) =>
    written({ ...result, machines: [{ ...first, rows: [first.rows[0], row] }, ...rest] });
  const fault = async (row: unknown) => readResultFile(await broken(row), 0);
  await expect(fault({ ...first.rows[1], seconds: "1" })).rejects.toThrow(
    /machines\.0\.rows\.1\.seconds: must be number/,
  );
  await expect(fault({ ...first.rows[1], trace: 2 })).rejects.toThrow(
    /machines\.0\.rows\.1\.trace: no such trace, got 2/,
  );
  const path = await broken(first.rows[1]);
  await writeFile(path, (await readFile(path, "utf8")).slice(0, 20_000));
  await expect(readResultFile(path, 0)).rejects.toThrow(/result\.json: is not JSON/);
});

it("CSV in parts is one table", async () => {
  expect([...resultCsvParts(many)].length).toBeGreaterThan(5);
  const [head, ...lines] = resultCsv(many).trimEnd().split("\n");
  expect(lines.length).toBe(6000);
  expect(lines).not.toContain(head);
});

it("a file of parts that end in a fault is not there", async () => {
  const folder = await temporaryFolder();
  function* parts() {
    yield "begin";
    throw new Error("no more");
  }
  await expect(writeFileAtomically(join(folder, "a.txt"), parts())).rejects.toThrow(
    /a\.txt: cannot be written: no more/,
  );
  await expect(readFile(join(folder, "a.txt"))).rejects.toThrow(/ENOENT/);
});
