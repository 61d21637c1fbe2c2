import { describe, expect, it } from "vitest";
import { resultTable } from "../../src/report/table.ts";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { resolveMachine } from "../../src/sim/machine.ts";
import { type SimulationInput, simulate } from "../../src/sim/simulate.ts";
import { loadMachines } from "../../src/studies/inputs.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "./make-trace.ts";

const machines = await loadMachines(["all"]);
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
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

  it("weighs dense-training traces by the number of steps", async () => {
    const result = await run({ traces: [swat, swat], baselineTraces: [dense] });
    const alone = await run({ traces: [dense] });
    result.machines.forEach(({ totals }, index) => {
      expect(totals.forward.denseTrainingSeconds).toBe(2 * alone.machines[index].totals.forward.seconds);
    });
  });

  it("refuses dense-training traces of other geometries", async () => {
    const { trace } = dense;
    const ops = trace.manifest.ops.slice(0, 1);
    const other = await makeTrace(DENSE_DENSITIES, "other", { ops });
    await expect(run({ baselineTraces: [other] })).rejects.toThrow(/other.safetensors: is not comparable/);
  });
});

describe("a baseline machine", () => {
  const named = (name: string) => machines.filter((machine) => machine.name === name);

  it("of the same peak takes the place of the array without skipping", async () => {
    const [baseline] = named("dadiannao-4096");
    const result = await run({ machines: named("tensordash-4096"), baseline });
    const own = await run({ machines: [baseline] });
    expect(result.baseline.machine).toBe("dadiannao-4096");
    expect(result.machines[0].totals.matmul.baselineSeconds).toBe(own.machines[0].totals.matmul.baselineSeconds);
  });

  it("of another peak is refused unless that is allowed", async () => {
    const [baseline] = named("dadiannao");
    const input = { machines: named("tensordash-4096"), baseline };
    await expect(run(input)).rejects.toThrow(/not comparable with baseline dadiannao: peak.*--allow-unequal/);
    await expect(run({ ...input, allowUnequal: true })).resolves.toBeDefined();
  });

  it("of other memory, datatype, clock or rules is refused, each difference named", async () => {
    const [{ config }] = named("dadiannao-4096");
    const change = {
      clock: "500 MHz",
      datatype: { multiply: "fp32", accumulate: "fp32" },
      params: { ...config.params, tiles: 2, batch: "image", dealing: "filters" },
      memory: { ...config.memory, levels: [{ name: "b", size: "1 MiB" }], dram: { bandwidth: "20 GB/s" } },
    };
    const baseline = resolveMachine({ ...config, ...change }, "weak", accelerators);
    const input = { machines: named("tensordash-4096"), baseline };
    const differences =
      /clock.*datatype.*on-chip memory.*DRAM bandwidth.*batch fold against image.*dealing sets against filters/s;
    await expect(run(input)).rejects.toThrow(differences);
  });

  it("that skips zeros itself is refused", async () => {
    const [baseline] = named("tensordash-4096");
    await expect(run({ machines: named("dadiannao-4096"), baseline })).rejects.toThrow(/is no dense baseline/);
  });

  it("changes what the array is compared with in the table, too", async () => {
    const [baseline] = named("dadiannao-4096");
    const result = await run({ machines: named("tensordash-4096"), baseline });
    const { forward } = result.machines[0].totals;
    const row = resultTable(result)
      .split("\n")
      .find((line) => line.startsWith("tensordash-4096"));
    expect(row?.split(/\s+/)[2]).toBe((forward.compute.baselineCycles / forward.compute.cycles).toFixed(2));
  });
});
