import { describe, expect, it } from "vitest";
import { loadCommonBaseline, loadMachines } from "../../../src/api/open.ts";
import { resultTable } from "../../../src/report/tables/result-table.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { rankedMachines } from "../../../src/sim/result/ranking.ts";
import type { MachineResult } from "../../../src/sim/result/result.ts";
import { type SimulationInput, simulate } from "../../../src/sim/simulate.ts";
import { faultsOf } from "../../support/folder.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";

const machines = await loadMachines(["all"]);
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
function named<Named extends { readonly name: string }>(
  name: string,
  of: { readonly machines: readonly Named[] },
): Named[] {
  return of.machines.filter((machine) => machine.name === name);
}
const run = (input: Partial<SimulationInput> = {}) => simulate({ traces: [swat], machines, ...input });

describe("traces of dense training", () => {
  it("tells what the method adds where a trace of dense training is given", async () => {
    const result = await run({ baselineTraces: [dense] });
    const alone = await run({ traces: [dense] });
    result.machines.forEach(({ totals }, index) => {
      expect(totals.training.denseTrainingSeconds).toBe(alone.machines[index].totals.training.seconds);
      expect(totals.training.speedupOverDenseTraining).toBe(
        alone.machines[index].totals.training.seconds / totals.training.seconds,
      );
    });
  });

  it("are averaged, as steps are, so that as many of them as there are steps are not needed", async () => {
    const result = await run({ traces: [swat, swat], baselineTraces: [dense] });
    const alone = await run({ traces: [dense] });
    result.machines.forEach(({ totals }, index) => {
      expect(totals.forward.denseTrainingSeconds).toBe(alone.machines[index].totals.forward.seconds);
    });
  });

  it("refuses dense-training traces of other geometries", async () => {
    const { trace } = dense;
    const ops = trace.manifest.ops.slice(0, 1);
    const other = await makeTrace(DENSE_DENSITIES, "other", { ops });
    await expect(run({ baselineTraces: [other] })).rejects.toThrow(/other.safetensors: is not comparable/);
  });
});

describe("the common baseline", async () => {
  const commonBaseline = await loadCommonBaseline();
  const common = await run({ commonBaseline });
  const own = await run();
  const byName = new Map(own.machines.map((machine) => [machine.name, machine]));

  it("is what its equals are compared with; others keep their own dense counterpart and name what differs", () => {
    expect(common.baseline.machine).toBe("dadiannao-4096");
    for (const { name, peakMacsPerSecond, baseline } of common.machines) {
      const isEqual = peakMacsPerSecond === commonBaseline.peakMacsPerSecond;
      expect(baseline.name).toBe(isEqual ? "dadiannao-4096" : `${name}-without-skipping`);
      expect(baseline.isCounterpart).toBe(!isEqual);
      expect(baseline.differences.some((difference) => difference.startsWith("peak"))).toBe(!isEqual);
    }
  });

  it("is the same time for every machine that is compared with it", () => {
    const [itself] = named("dadiannao-4096", common);
    const seconds = common.machines.flatMap(({ baseline, totals }) =>
      baseline.isCounterpart ? [] : totals.training.baselineSeconds,
    );
    expect(seconds).toHaveLength(14);
    expect(new Set(seconds)).toEqual(new Set([itself.totals.training.counterpartSeconds]));
  });

  it("leaves the gain over a machine's own array as it was: a field of its own", () => {
    for (const { name, totals } of common.machines) {
      const alone = byName.get(name)?.totals;
      expect(totals.training.ownSkippingGain).toBe(alone?.training.speedup);
      expect(totals.matmul.compute.ownSkippingGain).toBe(alone?.matmul.compute.ownSkippingGain);
      expect(totals.matmul.compute.counterpartCycles).toBe(alone?.matmul.compute.baselineCycles);
    }
  });

  it("selects nothing: what a machine that skips nothing loses to it is the time of its selections", () => {
    const [{ totals, rows }] = named("dadiannao-4096", common);
    const { seconds, baselineSeconds, selectionSeconds } = totals.training;
    expect(selectionSeconds).toBeGreaterThan(0);
    expect(selectionSeconds).toBe(rows.reduce((sum, { kind, seconds }) => sum + (kind === "select" ? seconds : 0), 0));
    expect(seconds - selectionSeconds).toBeLessThanOrEqual(baselineSeconds * (1 + 1e-12));
  });

  it("gives way to a baseline that is asked for", async () => {
    const [baseline] = machines.filter(({ name }) => name === "systolic-4096");
    const asked = await run({
      machines: machines.filter(({ name }) => name === "mesh-4096"),
      baseline,
      commonBaseline,
    });
    expect(asked.machines[0].baseline.name).toBe("systolic-4096");
  });
});

it("totals are means over the traces, ratios those of means", async () => {
  const both = await run({ traces: [swat, dense] });
  const alone = [await run(), await run({ traces: [dense] })];
  both.machines.forEach(({ totals }, index) => {
    const [first, second] = alone.map((result) => result.machines[index].totals.training);
    const { seconds, baselineSeconds, speedup, cycles, effectualMacs } = totals.training;
    expect(cycles).toBe((first.cycles + second.cycles) / 2);
    expect(effectualMacs).toBe((first.effectualMacs + second.effectualMacs) / 2);
    expect(seconds).toBeCloseTo((first.seconds + second.seconds) / 2, 15);
    expect(speedup).toBe(baselineSeconds / seconds);
  });
});

describe("machines in a result", () => {
  const machine = (
    name: string,
    seconds: number,
    { isCounterpart = false, isBound = false, differences = [""] } = {},
  ) => ({
    ...{ name, isBound, totals: { training: { seconds } } },
    baseline: { isCounterpart, differences: differences.filter((difference) => difference !== "") },
  });

  it("are ranked by time on equal terms; bounds follow, then those of other terms in their order", () => {
    const machines = [
      machine("of another peak", 1, { isCounterpart: true }),
      machine("slow", 4),
      machine("bound", 2, { isBound: true }),
      machine("of another clock", 0.5, { differences: ["clock"] }),
      machine("fast", 3),
    ] as unknown as MachineResult[];
    const names = rankedMachines(machines).map(({ name }) => name);
    expect(names).toEqual(["fast", "slow", "bound", "of another peak", "of another clock"]);
  });

  it("hold a bound as such", async () => {
    const result = await run();
    expect(result.machines.flatMap(({ name, isBound }) => (isBound ? name : []))).toEqual(["ideal-4096"]);
  });
});

describe("a baseline machine", () => {
  it("of the same peak takes the place of the array without skipping", async () => {
    const [baseline] = named("dadiannao-4096", { machines });
    const result = await run({ machines: named("tensordash-4096", { machines }), baseline });
    const own = await run({ machines: [baseline] });
    expect(result.baseline.machine).toBe("dadiannao-4096");
    expect(result.machines[0].totals.matmul.baselineSeconds).toBe(own.machines[0].totals.matmul.baselineSeconds);
  });

  it("of another peak is refused unless that is allowed", async () => {
    const [baseline] = named("dadiannao", { machines });
    const input = { machines: named("tensordash-4096", { machines }), baseline };
    await expect(run(input)).rejects.toThrow(
      /^baseline: dadiannao is not comparable with tensordash-4096, which differs in peak.*allowUnequal/,
    );
    await expect(run({ ...input, allowUnequal: true })).resolves.toBeDefined();
  });

  it("of other memory, datatype, clock or rules is refused, each difference named", async () => {
    const [{ config }] = named("dadiannao-4096", { machines });
    const change = {
      clock: "500 MHz",
      datatype: { multiply: "fp32", accumulate: "fp32" },
      params: { ...config.params, tiles: 2, batch: "image", dealing: "filters" },
      memory: { ...config.memory, levels: [{ name: "b", size: "1 MiB" }], dram: { bandwidth: "20 GB/s" } },
    };
    const baseline = resolveMachine({ ...config, ...change }, "weak", accelerators);
    const input = { machines: named("tensordash-4096", { machines }), baseline };
    const differences =
      /clock.*datatype.*on-chip memory.*DRAM bandwidth.*layout of batches \(params.batch\) fold instead of image.*dispatch of tiles \(params.dealing\) sets instead of filters/s;
    await expect(run(input)).rejects.toThrow(differences);
  });

  it("is refused in one line for all machines, with the values that all of them have", async () => {
    const [baseline] = named("dadiannao", { machines });
    const [a, b] = named("tensordash-4096", { machines }).flatMap((one) => [one, { ...one, name: "other" }]);
    const faults = await faultsOf(() => run({ machines: [a, b], baseline }));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/with tensordash-4096, other, which differ in peak \(MAC\/s\) \d+ instead of \d+, clock/);
  });

  it("that skips zeros itself is refused", async () => {
    const [baseline] = named("tensordash-4096", { machines });
    await expect(run({ machines: named("dadiannao-4096", { machines }), baseline })).rejects.toThrow(
      /is not a dense baseline/,
    );
  });

  it("changes what the array is compared with in the table, too", async () => {
    const [baseline] = named("dadiannao-4096", { machines });
    const result = await run({ machines: named("tensordash-4096", { machines }), baseline });
    const { training, matmul } = result.machines[0].totals;
    const row = resultTable(result)
      .split("\n")
      .find((line) => line.startsWith("tensordash-4096"));
    const gains = [training.baselineSeconds / training.seconds, matmul.compute.baselineCycles / matmul.compute.cycles];
    expect(row?.split(/\s+/).slice(2, 4)).toEqual(gains.map((gain) => gain.toFixed(2)));
  });
});
