import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadEnergyTables, loadMachines } from "../../src/api/open.ts";
import { shownResult, withSpilledRows } from "../../src/api/spilled-rows.ts";
import { jsonParts } from "../../src/io/json-parts.ts";
import { resultCsvParts } from "../../src/report/csv.ts";
import type { StreamedResult } from "../../src/sim/result/result.ts";
import type { NewRowList } from "../../src/sim/result/row-list.ts";
import type { Helpers } from "../../src/sim/run-ops.ts";
import { simulate, simulateInto } from "../../src/sim/simulate.ts";
import { formatCheck, recordedCheck } from "../../src/studies/check.ts";
import { compareWithCheck } from "../../src/studies/check-comparison.ts";
import { openCheck } from "../../src/studies/check-file.ts";
import { checkFileOf } from "../support/check-file.ts";
import { temporaryFolder } from "../support/folder.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";

const TOLERANCE = 1e-6;
const machines = await loadMachines(["tensordash-4096", "scnn"]);
const energy = await loadEnergyTables(machines);
const traces = [await makeTrace(SWAT_DENSITIES, "a"), await makeTrace(SWAT_DENSITIES, "b")];
const input = {
  ...{ traces, machines, energy, baselineTraces: [await makeTrace(DENSE_DENSITIES)] },
  sample: { share: 0.5, seed: "1" },
};
let ops = 0;
const onProgress = (_: number, of: number) => {
  ops = of;
};
const result = await simulate({ ...input, onProgress });
const exact = await simulate({ traces, machines, energy });
const recorded = energy.map((table) => ({ table, tolerance: TOLERANCE }));
const check = (of: StreamedResult) => [...formatCheck(recordedCheck(of, ["a", "b"], recorded))].join("");

/** Others that hand out ops in an order of theirs. */
const inOrder = (order: readonly number[]): Helpers => {
  let next = 0;
  return { take: () => order[next++] ?? Number.POSITIVE_INFINITY, finish: async () => {} };
};

it("results are byte for byte those of memory, however few rows it holds and in whatever order ops are done", async () => {
  const order = fc.shuffledSubarray([...Array(ops).keys()], { minLength: ops });
  const texts = (of: StreamedResult) => [[...jsonParts(of, { spaces: 2 })].join(""), [...resultCsvParts(of)].join("")];
  const expected = texts(result);
  expect(expected[0]).toBe(JSON.stringify(result, null, 2));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), order, async (mostHeld, order) => {
      const work = async ({ newList }: { newList: NewRowList }) => {
        const spilled = await simulateInto(newList, { ...input, helpers: inOrder(order) });
        return texts(spilled);
      };
      expect(await withSpilledRows(undefined, work, mostHeld)).toEqual(expected);
    }),
    { numRuns: 8 },
  );
});

it("check files are the same, and compare equal, with rows in a file", async () => {
  await withSpilledRows(
    undefined,
    async ({ newList }) => {
      const spilled = await simulateInto(newList, { traces, machines, energy });
      expect(check(spilled)).toBe(check(exact));
      const file = checkFileOf(exact, ["a", "b"], recorded);
      expect(compareWithCheck(file, spilled)).toEqual(compareWithCheck(file, exact));
    },
    3,
  );
});

it("what is shown of a result beyond memory keeps the totals; one that memory holds is whole", async () => {
  for (const [mostHeld, isSpilled] of [
    [3, true],
    [1000, false],
  ] as const) {
    await withSpilledRows(
      undefined,
      async (rows) => {
        const shown = shownResult(await simulateInto(rows.newList, { traces, machines, energy }), rows);
        expect(rows.isSpilled()).toBe(isSpilled);
        expect(shown).toEqual(exact);
      },
      mostHeld,
    );
  }
});

/** Writes a check file of `exact`, changed. */
async function written(change: (text: string) => string): Promise<string> {
  const path = join(await temporaryFolder(), "counts.json");
  await writeFile(path, change(check(exact)));
  return path;
}

const changed = (text: string) =>
  text
    .replace(/( "0\/1 [^"]*": \[ )\d+/, "$1123456")
    .replace('"0/2 ', '"0/2 renamed ')
    .replace(/ *"0\/0 [^\n]*\n/, "");

it("a check file that is read op by op gives the verdicts of one that is read whole", async () => {
  for (const change of [(text: string) => text, changed]) {
    const path = await written(change);
    const [whole, byOp] = [await openCheck(path), await openCheck(path, 0)];
    expect(byOp.check.machines.every(({ counts }) => Object.keys(counts).length === 0)).toBe(true);
    const verdicts = await whole.compare(exact);
    expect(await byOp.compare(exact)).toEqual(verdicts);
    expect(verdicts.some(({ differences }) => differences.length > 0)).toBe(change === changed);
  }
});

it("faults of a check file are told op by op, also where it is read so", async () => {
  const fault = async (change: (text: string) => string) => {
    const opened = await openCheck(await written(change), 0);
    return opened.compare(exact);
  };
  await expect(fault((text) => text.replace(/("0\/1 [^"]*": \[) \d+,/, "$1"))).rejects.toThrow(
    /counts\.json: .*: counts: 0\/1 .*: must have one item a counter, got \d+ of \d+/,
  );
  await expect(fault((text) => text.replace(/("0\/1 [^"]*": \[ )\d+/, '$1"7"'))).rejects.toThrow(
    /counts\.json: .*: counts: 0\/1 .*must be integer/,
  );
  await expect(fault((text) => text.replace(/(\n *"0\/1 [^\n]*)/, "$1$1"))).rejects.toThrow(/the key "0\/1 .*" twice/);
});
