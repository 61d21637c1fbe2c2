import { describe, expect, it } from "vitest";
import { loadEnergyTables, loadMachines } from "../../src/api/open.ts";
import { checkSchema } from "../../src/io/faults.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { type CheckFile, CheckSchema, checkVersions, readCheck } from "../../src/studies/check.ts";
import { compareWithCheck } from "../../src/studies/check-comparison.ts";
import { checkFileOf } from "../support/check-file.ts";
import { faultsOf } from "../support/folder.ts";
import { makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";

const TOLERANCE = 1e-6;

const machines = await loadMachines(["tensordash-4096"]);
const tables = await loadEnergyTables(machines);
const input = { traces: [await makeTrace(SWAT_DENSITIES)], machines };
const result = await simulate({ ...input, energy: tables });
const withEnergy = checkFileOf(result, ["trace"], [{ table: tables[0], tolerance: TOLERANCE }]);

/** Differences where the recorded values of one kind are multiplied by a factor. */
function scaled(kind: "counts" | "energy", factor: number): [counter: string, op: string][] {
  const check: CheckFile = structuredClone(withEnergy);
  const [{ counts, energy }] = check.machines;
  const values = kind === "counts" ? counts : (energy?.picojoules ?? {});
  for (const [op, list] of Object.entries(values)) values[op] = list.map((value) => value && value * factor);
  const [{ differences }] = compareWithCheck(check, result);
  return differences.map(({ counter, op }) => [counter, op]);
}

describe("energies of a check file", () => {
  it("are equal within the tolerance and differ beyond it, whichever side is larger", () => {
    const nonzero = Object.values(withEnergy.machines[0].energy?.picojoules ?? {})
      .flat()
      .filter((value) => value !== null && value !== 0);
    expect(nonzero.length).toBeGreaterThan(10);
    for (const sign of [-1, 1]) {
      expect(scaled("energy", 1 + 0.9 * sign * TOLERANCE)).toEqual([]);
      expect(scaled("energy", 1 + 1.1 * sign * TOLERANCE)).toHaveLength(nonzero.length);
    }
    expect(scaled("energy", 2).every(([counter]) => counter.startsWith("energy."))).toBe(true);
  });

  it("lend counts no tolerance", () => {
    const differences = scaled("counts", 1 + 0.9 * TOLERANCE);
    expect(differences).toContainEqual(["cycles.total", expect.anything()]);
  });

  it("are compared only where they are recorded, and gone where nobody counted them", async () => {
    const bare = await simulate(input);
    expect(compareWithCheck(checkFileOf(bare, ["trace"]), result)[0].differences).toEqual([]);
    const [{ differences }] = compareWithCheck(withEnergy, bare);
    expect(differences.length).toBeGreaterThan(0);
    for (const { actual } of differences) expect(actual).toBeUndefined();
  });

  it("survive the file: what is written is read again, with the table that they were counted by", () => {
    const read = checkSchema(CheckSchema, JSON.parse(JSON.stringify(withEnergy)), "check.json");
    expect(read).toEqual(withEnergy);
    expect(compareWithCheck(read, result)[0].differences).toEqual([]);
    expect(read.machines[0].energy?.table).toEqual(tables[0].config);
  });
});

it("a file of version 1.0 is read", () => {
  const { energy: _, ...machine } = withEnergy.machines[0];
  const old = { ...withEnergy, schema: "1.0", machines: [machine] };
  expect(checkSchema(CheckSchema, old, "check.json")).toEqual(old);
});

it("a file whose lists are longer or shorter than their counters is refused, each list told", async () => {
  const check: CheckFile = structuredClone(withEnergy);
  const [{ counters, counts, energy }] = check.machines;
  const [first, second] = Object.keys(counts);
  counts[first].pop();
  energy?.picojoules[second].push(1);
  expect(await faultsOf(() => readCheck(check, "check.json"))).toEqual([
    `check.json: tensordash-4096: counts: ${first}: must have one item a counter, got ${counters.length - 1} of ${counters.length}`,
    expect.stringMatching(`^check.json: tensordash-4096: energy.picojoules: ${second}: must have one item a counter`),
  ]);
  expect(readCheck(withEnergy, "check.json")).toEqual(withEnergy);
});

it("a file that a newer model has recorded is refused, an older one is not", async () => {
  const { modelVersion } = machines[0].accelerator;
  const recordedBy = (version: number) => () =>
    checkVersions(
      { ...withEnergy, machines: [{ ...withEnergy.machines[0], modelVersion: version }] },
      machines,
      "check.json",
    );
  expect(recordedBy(modelVersion - 1)).not.toThrow();
  expect(recordedBy(modelVersion)).not.toThrow();
  expect(await faultsOf(recordedBy(modelVersion + 1))).toEqual([
    `check.json: tensordash-4096: modelVersion: recorded by a newer model of tensordash, got ${modelVersion + 1}; valid: up to ${modelVersion}`,
  ]);
});
