/** Samples: that parts of an operation add up to it, and that intervals cover the exact counts. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { beforeAll, describe, expect, it } from "vitest";
import { checkSchema } from "../../src/io/faults.ts";
import { setBit, zerosMask } from "../../src/kernels/bit-mask.ts";
import type { ConvGeometry } from "../../src/kernels/geometry.ts";
import { resultCsv } from "../../src/report/csv.ts";
import { resultTable } from "../../src/report/table.ts";
import type { ComputeResult } from "../../src/sim/accelerator.ts";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { effectualMacs } from "../../src/sim/mac-counts.ts";
import { type Machine, resolveMachine } from "../../src/sim/machine.ts";
import { OPERANDS_OF, type Operand, type Operation, PASSES, type Pass } from "../../src/sim/operation.ts";
import { type PreparedOperation, prepareOperation } from "../../src/sim/prepare.ts";
import { type ResultRow, ResultSchema, type SimulationResult } from "../../src/sim/result.ts";
import { sumOfResults } from "../../src/sim/sampling/counts.ts";
import { numbersIn } from "../../src/sim/sampling/intervals.ts";
import { sampled } from "../../src/sim/sampling/sampled.ts";
import { SampledOperation } from "../../src/sim/sampling/sampled-operation.ts";
import { blank, extentOf, take } from "../../src/sim/sampling/slice.ts";
import { macsAlong } from "../../src/sim/sampling/unit-macs.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { checkFileOf } from "../../src/studies/check.ts";
import { loadMachines, openTraces } from "../../src/studies/inputs.ts";
import { isMacOp } from "../../src/trace/manifest.ts";
import { SHAPE_OF } from "../../src/trace/passes.ts";
import { operations } from "./random-operation.ts";

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
  changed("tensordash", { lanes: 2, rows: 2, columns: 3, tiles: 2, batch: "image" }),
  changed("tensordash", { lanes: 2, rows: 1, columns: 2, tiles: 1, batch: "fold" }),
  changed("tensordash", { lanes: 2, rows: 1, columns: 1, tiles: 2, batch: "fold", dealing: "filters" }),
  changed("tensordash", { lanes: 2, rows: 1, columns: 1, tiles: 1, batch: "fold", sides: "two" }),
  changed("tensordash", { lanes: 2, rows: 2, columns: 2, tiles: 2, batch: "image", sides: "two" }),
  changed("activation-queue", { lanes: 2, rows: 1, columns: 2, batch: "fold" }),
  changed("activation-queue", { lanes: 2, rows: 2, columns: 2, batch: "image" }),
  changed("weight-queue", { lanes: 2, rows: 2, columns: 1, batch: "fold" }),
  changed("two-sided", { units: 2, clusters: 3, lanes: 2, batch: "image" }),
  changed("scnn", { peRows: 2, peColumns: 2 }),
  changed("scnn", { peRows: 2, peColumns: 3, activations: 2, weights: 2, foldLinear: false }),
];

/** Counts whose parts are known to add up exactly: what is scheduled of the last image is no count. */
const countsOf = (result: ComputeResult) => numbersIn({ ...result, scheduled: null });

describe("cuts", () => {
  it("give parts whose counts add up to those of the operation, but for a cycle at each edge", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(operations, fc.nat(small.length - 1), (operation, index) => {
        const machine = small[index];
        const { accelerator, params } = machine;
        for (const { axis, size, once, edges, params: own } of accelerator.cuts?.(operation, params) ?? []) {
          const units = extentOf(operation.geometry, axis) / size;
          if (!Number.isInteger(units)) throw new Error(`${machine.name}: ${size} does not divide the ${axis}`);
          const run = (part: Operation) => accelerator.run(part, own as never);
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
      { numRuns: 1500 },
    );
    // Nothing of this was empty.
    expect([...seen].sort()).toEqual([
      "activation-queue forward images false",
      "activation-queue forward images true",
      "activation-queue inputGrad images false",
      "activation-queue inputGrad images true",
      "activation-queue weightGrad images false",
      "activation-queue weightGrad inputChannels true",
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
      "weight-queue weightGrad inputChannels true",
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

/** Operations of the recorded step. */
const prepared: PreparedOperation[] = [];
for (const op of traces[0].trace.manifest.ops) {
  if (isMacOp(op)) prepared.push(await prepareOperation(traces[0].trace, op));
}

describe("95 % intervals", () => {
  /** How many of the samples of these operations cover the exact cycles, and how many there are. */
  function coverage(machine: Machine, of: readonly PreparedOperation[], seeds: number, share: number) {
    let [covered, samples] = [0, 0];
    for (const operation of of) {
      const { actual } = operation;
      const exact = machine.accelerator.run(actual, machine.params);
      for (let seed = 0; seed < seeds; seed++) {
        const parts = new SampledOperation(operation, share, `${seed} ${actual.layer} ${actual.pass}`);
        const estimate = sampled(parts, (count) => ({ cycles: count?.(machine, actual).cycles as number }));
        if (estimate.sample === undefined) break;
        covered += Number(Math.abs(estimate.cycles - exact.cycles) <= (estimate.sample.ci95.cycles ?? 0));
        samples++;
      }
    }
    return { covered: covered / samples, samples };
  }

  // Operations that are sampled on each machine; the others are simulated whole.
  const recorded = {
    scnn: 29,
    tensordash: 11,
    "tensordash-4096": 2,
    "tensordash-two-sided-4096": 18,
    "activation-queue": 29,
    "activation-queue-4096": 18,
    "weight-queue": 10,
    "two-sided": 19,
  };
  it.each(Object.entries(recorded))(
    "cover the exact cycles of recorded masks on %s in 93 of 100 samples",
    (name, sampledOps) => {
      // The slowest by far has the most operations to take samples of.
      const seeds = name === "scnn" ? 5 : 10;
      const { covered, samples } = coverage(named(name), prepared, seeds, 0.3);
      expect(covered).toBeGreaterThanOrEqual(0.93);
      expect(samples).toBe(sampledOps * seeds);
    },
  );

  it.each(["scnn", "tensordash-4096", "activation-queue-4096", "two-sided"])(
    "cover the exact cycles of random masks on %s in 93 of 100 samples, where images and channels differ in density",
    (name) => {
      const random = PASSES.map((pass) => randomOperation(pass));
      const { covered, samples } = coverage(named(name), random, 40, 0.25);
      expect(covered).toBeGreaterThanOrEqual(0.93);
      expect(samples).toBeGreaterThanOrEqual(40);
    },
  );

  it("are narrower for more images", () => {
    const [operation] = prepared.filter(({ actual, op }) => actual.pass === "forward" && op.layer === "layer3.0.conv2");
    const machine = named("scnn");
    const widthOf = (share: number) => {
      const parts = new SampledOperation(operation, share, "more");
      const { sample } = sampled(parts, (count) => ({ cycles: count?.(machine, operation.actual).cycles }));
      return sample?.ci95.cycles as number;
    };
    expect(widthOf(0.75)).toBeLessThan(widthOf(0.25) / 2);
  });
});

/** 32 images of 16 channels 8×8, 16 filters 3×3: each image and each channel has a density of its own. */
function randomOperation(pass: Pass): PreparedOperation {
  const random = seedrandom(`random ${pass}`);
  const geometry: ConvGeometry = {
    ...{ N: 32, C: 16, H: 8, W: 8, K: 16, R: 3, S: 3, groups: 1 },
    ...{ stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] },
  };
  const draw = (operand: Operand) => {
    const shape = SHAPE_OF[operand](geometry);
    const densities = [0, 1].map((dimension) => range(shape[dimension]).map(() => 0.3 + 0.6 * random()));
    const mask = zerosMask(shape);
    const plane = shape[2] * shape[3];
    for (let i = 0; i < shape[0]; i++) {
      for (let bit = 0; bit < shape[1] * plane; bit++) {
        if (random() < densities[0][i] * densities[1][Math.floor(bit / plane)]) setBit(mask, i, bit);
      }
    }
    return mask;
  };
  const [a, b] = OPERANDS_OF[pass];
  const actual: Operation = { pass, layer: "random", geometry, masks: { [a]: draw(a), [b]: draw(b) }, topKPeriod: 1 };
  const macs = { effectual: effectualMacs(actual) } as ResultRow["macs"];
  const noZeros = { ...actual, masks: {} };
  return {
    actual,
    macs,
    natural: actual,
    noZeros,
    solid: noZeros,
    sizes: {},
    outputElements: 0,
  } as unknown as PreparedOperation;
}

describe("a sampled simulation", () => {
  const chosen = ["scnn", "tensordash-4096", "activation-queue", "sigma-4096"].map(named);
  const run = (share: number, seed = "1", machines = chosen) => simulate({ traces, machines, sample: { share, seed } });
  const rowsOf = ({ machines }: SimulationResult) => machines.flatMap(({ rows }) => rows);
  const queue = chosen[2];
  const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";
  let [exact, result]: SimulationResult[] = [];
  beforeAll(async () => {
    exact = await simulate({ traces, machines: chosen });
    result = await run(0.3);
  });

  it("of everything is the exact one", async () => {
    expect(JSON.stringify(await run(1))).toBe(JSON.stringify(exact));
  });

  it("gives the same for the same seed, another estimate for another, and keeps the schema", async () => {
    const [one, again, other] = [
      await run(0.3, "1", [queue]),
      await run(0.3, "1", [queue]),
      await run(0.3, "2", [queue]),
    ];
    expect(JSON.stringify(again)).toBe(JSON.stringify(one));
    // Nor does it matter what else is simulated.
    expect(one.machines[0]).toEqual(result.machines[chosen.indexOf(queue)]);
    const cyclesOf = (each: SimulationResult) => rowsOf(each).map(({ cycles }) => cycles.compute);
    expect(cyclesOf(other)).not.toEqual(cyclesOf(one));
    expect(() => checkSchema(ResultSchema, result, "result")).not.toThrow();
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

  it("says of every row what was drawn, and is exact in what masks tell and on machines whose counts do not add up", () => {
    const [scnn, tensordash, , sigma] = result.machines;
    for (const { sample } of scnn.rows.filter(isMac)) {
      if (sample === undefined) continue;
      expect(sample.drawn).toBeLessThan(sample.of);
      expect(sample.drawn).toBeGreaterThanOrEqual(10);
    }
    expect(scnn.rows.filter(({ sample }) => (sample?.ci95["cycles.compute"] ?? 0) > 0).length).toBeGreaterThan(20);
    expect(tensordash.rows.some(({ sample }) => sample?.axis === "inputChannels")).toBe(true);
    expect(sigma).toEqual(exact.machines[3]);
    const told = (each: SimulationResult) => rowsOf(each).map(({ macs, densities }) => ({ macs, densities }));
    expect(told(result)).toEqual(told(exact));
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
    expect(all).toBeGreaterThan(1000);
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
    expect(resultCsv(result).split("\n")[0]).toContain("compute_cycles_ci95");
    expect(resultCsv(exact).split("\n")[0]).not.toContain("ci95");
  });

  it("is refused by checks, which compare exactly", () => {
    expect(() => checkFileOf(result, ["trace"])).toThrow(/sample/);
  });
});
