/** Samples: that parts of an operation add up to it, and what a simulation of some of them tells. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMachines, openTraces } from "../../../src/api/open.ts";
import { checkSchema } from "../../../src/io/faults.ts";
import { resultCsv } from "../../../src/report/csv.ts";
import { resultTable } from "../../../src/report/tables/result-table.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import type { ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { type Machine, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { effectualMacs } from "../../../src/sim/operation/mac-counts.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";
import { type ResultRow, ResultSchema, type SimulationResult } from "../../../src/sim/result/result.ts";
import { sumOfResults } from "../../../src/sim/sampling/counts.ts";
import { numbersIn } from "../../../src/sim/sampling/number-paths.ts";
import { blank, extentOf, take } from "../../../src/sim/sampling/slice.ts";
import { macsAlong } from "../../../src/sim/sampling/unit-macs.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { recordedCheck } from "../../../src/studies/check.ts";
import { operations } from "../../support/random-operation.ts";

const machines = await loadMachines(["all"]);
const named = (name: string) => machines.find((machine) => machine.name === name) as Machine;
const changed = (name: string, params: Readonly<Record<string, unknown>>) => {
  const { config } = named(name);
  return resolveMachine({ ...config, params: { ...config.params, ...params } }, name, accelerators);
};
const traces = await openTraces(["traces/resnet8-swat-u90.safetensors"]);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Arrays so small that random operations are cut into several sets. */
const small: readonly Machine[] = [
  changed("tensordash", { lanes: 2, rows: 1, columns: 1, tiles: 1, batch: "fold", sides: "two" }),
  changed("tensordash", { lanes: 2, rows: 1, columns: 1, tiles: 2, batch: "fold", dealing: "filters", sides: "two" }),
  changed("tensordash", { lanes: 2, rows: 1, columns: 1, tiles: 4, batch: "fold", dealing: "sets", sides: "two" }),
  changed("tensordash", { lanes: 2, rows: 2, columns: 2, tiles: 2, batch: "image", sides: "two" }),
  changed("two-sided", { sortingCyclesPerFilter: 0, units: 2, clusters: 3, lanes: 2, batch: "image" }),
  changed("scnn", { arrays: 2, peRows: 2, peColumns: 2 }),
  changed("scnn", { peRows: 2, peColumns: 3, activations: 2, weights: 2, foldLinear: false }),
];

/** Counts whose parts are known to add up exactly: what is scheduled of the last image is no count. */
const countsOf = (result: ComputeResult) => numbersIn({ ...result, scheduled: null });

describe("cuts", () => {
  it("give parts whose counts add up to those of the operation, but for what edges are worth", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(operations, fc.nat(small.length - 1), (operation, index) => {
        const machine = small[index];
        const { accelerator, params } = machine;
        for (const { axis, size, once, edges } of accelerator.cuts?.(operation, params) ?? []) {
          const units = extentOf(operation.geometry, axis) / size;
          if (!Number.isInteger(units)) throw new Error(`${machine.name}: ${size} does not divide the ${axis}`);
          const run = (part: Operation) => accelerator.run(part, params);
          const parts = range(units).map((unit) =>
            run(
              take(
                operation,
                axis,
                range(size).map((i) => unit * size + i),
              ),
            ),
          );
          // What is paid once is twice what one idle unit costs less what two cost.
          const fixed = once ? [1, 2].map((count) => run(blank(operation, axis, count * size))) : [];
          const weights = once ? [2 * (1 - units), units - 1] : [];
          const sum = sumOfResults([...fixed, ...parts], [...weights, ...parts.map(() => 1)]);
          const whole = accelerator.run(operation, params);
          seen.add(`${machine.name} ${operation.pass} ${axis} ${edges > 0}`);
          if (edges === 0) {
            // A machine that has no pair at all to multiply may write no result either.
            const writes = parts.some(({ cycles }) => cycles === 0) ? { onChipWrites: 0 } : {};
            expect(countsOf({ ...sum, ...writes })).toEqual(countsOf({ ...whole, ...writes }));
          } else {
            expect(Math.abs(sum.cycles - whole.cycles)).toBeLessThanOrEqual(edges * units);
            expect(sum.baseCycles).toBe(whole.baseCycles);
          }
        }
      }),
      { numRuns: 400 },
    );
    // Nothing of this was empty.
    expect([...seen].sort()).toEqual([
      "scnn forward images false",
      "scnn forward inputChannels false",
      "scnn inputGrad images false",
      "scnn inputGrad outputChannels false",
      "scnn weightGrad images false",
      "scnn weightGrad inputChannels false",
      "tensordash forward images false",
      "tensordash forward images true",
      "tensordash inputGrad images false",
      "tensordash inputGrad images true",
      "tensordash weightGrad images false",
      "tensordash weightGrad inputChannels true",
      "two-sided forward images false",
      "two-sided inputGrad images false",
    ]);
  });
});

describe("effectual MACs by image and channel", () => {
  it("are those of the operation cut down to them", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { pass, geometry } = operation;
        const channels = pass === "inputGrad" ? "outputChannels" : "inputChannels";
        for (const axis of ["images", channels] as const) {
          const macs = [...macsAlong(operation, axis)];
          expect(macs.reduce((a, b) => a + b, 0)).toBe(effectualMacs(operation));
          if (axis !== "images" && geometry.groups > 1) continue;
          expect(macs).toEqual(macs.map((_, index) => effectualMacs(take(operation, axis, [index]))));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a sampled simulation", () => {
  const chosen = [
    changed("scnn-4096", { arrays: 1, peRows: 16, peColumns: 16, weightGradient: "planes" }),
    named("tensordash-4096"),
  ];
  const run = (share: number, seed = "1", of = traces) =>
    simulate({ traces: of, machines: chosen, sample: { share, seed } });
  const rowsOf = ({ machines }: SimulationResult) => machines.flatMap(({ rows }) => rows);
  const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";
  let [exact, result]: SimulationResult[] = [];
  beforeAll(async () => {
    exact = await simulate({ traces, machines: chosen });
    result = await run(0.3);
  });

  it("gives the same for the same seed, another estimate for another trace of the same masks, and keeps the schema", async () => {
    const twice = await run(0.3, "1", [...traces, ...traces]);
    const [first, second] = [0, 1].map((trace) => rowsOf(twice).filter((row) => row.trace === trace));
    expect(JSON.stringify(first)).toBe(JSON.stringify(rowsOf(result)));
    const cyclesOf = (rows: readonly ResultRow[]) => rows.map(({ cycles }) => cycles.compute);
    expect(cyclesOf(second)).not.toEqual(cyclesOf(first));
    expect(() => checkSchema(ResultSchema, twice, "result")).not.toThrow();
  });

  it("counts every multiplier-cycle once, in whole counts", () => {
    result.machines.forEach(({ rows }, index) => {
      for (const { cycles, breakdown, counters, layer, pass } of rows) {
        const sum = Object.values(breakdown).reduce((a, b) => a + b, 0);
        expect(sum, `${layer} ${pass}`).toBe(chosen[index].multipliers * cycles.total);
        for (const count of [...Object.values(breakdown), ...Object.values(counters)]) {
          expect(Number.isSafeInteger(count)).toBe(true);
        }
      }
    });
  });

  it("says of every row what was drawn, and is exact in what masks tell and on machines that are not sampled", () => {
    const [scnn, tensordash] = result.machines;
    const samples = scnn.rows.filter(isMac).flatMap(({ sample }) => sample ?? []);
    expect(samples.length).toBeGreaterThan(10);
    for (const { drawn, of, ci95, bounds } of samples) {
      expect(drawn).toBeGreaterThanOrEqual(12);
      expect(drawn).toBeLessThanOrEqual(of / 2);
      for (const [path, bound] of Object.entries(bounds)) expect(bound).toBeLessThanOrEqual(ci95[path]);
    }
    expect(tensordash).toEqual(exact.machines[1]);
    const told = (each: SimulationResult) => rowsOf(each).map(({ macs, densities }) => ({ macs, densities }));
    expect(told(result)).toEqual(told(exact));
    const shares = samples.map(({ drawn, of }) => (100 * drawn) / of);
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) => share.toFixed(1));
    expect(resultTable(result)).toContain(
      `Asked for a sample of 30.0 %: ${least} % to ${most} % (mean ${(shares.reduce((a, b) => a + b) / shares.length).toFixed(1)} %) of the images or channels of ${samples.length} of `,
    );
  });

  it("covers 95 of 100 counts of its rows", () => {
    let [covered, all] = [0, 0];
    const exactRows = rowsOf(exact);
    rowsOf(result).forEach((row, index) => {
      const [estimates, truths] = [numbersIn(row), numbersIn(exactRows[index])];
      for (const [path, truth] of truths) {
        const off = Math.abs((estimates.get(path) ?? 0) - truth);
        const width = row.sample?.ci95[path] ?? 0;
        const isEstimate = width > 0 || off > Math.abs(truth) * 1e-9;
        covered += Number(isEstimate && off <= width);
        all += Number(isEstimate);
      }
    });
    expect(all).toBeGreaterThan(200);
    expect(covered / all).toBeGreaterThanOrEqual(0.95);
  });

  it("covers the exact totals, and shows it in the table and the CSV", () => {
    result.machines.forEach(({ totals }, index) => {
      const truth = numbersIn(exact.machines[index].totals.training);
      const estimate = numbersIn(totals.training);
      for (const [path, width] of Object.entries(totals.training.ci95 ?? {})) {
        expect(Math.abs((estimate.get(path) as number) - (truth.get(path) as number)), path).toBeLessThanOrEqual(width);
      }
    });
    expect(resultTable(result)).toMatch(/ ±\d/);
    expect(resultTable(exact)).not.toContain("±");
    expect(resultCsv(result).split("\n")[0]).toContain("array_cycles_ci95");
    expect(resultCsv(exact).split("\n")[0]).not.toContain("ci95");
  });

  it("is refused by checks, which compare exactly", () => {
    expect(() => recordedCheck(result, ["trace"])).toThrow(/sample/);
  });
});
