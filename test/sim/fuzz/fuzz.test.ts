/** A short run of the fuzzer from one seed, and what it prints of machines that break a law or a closed form. */
import { describe, expect, test } from "vitest";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import type { Accelerator, ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { campaigns } from "./fuzz.ts";

const SEED = Number(process.env.SWAT_SIM_FC_SEED ?? 1);
const RUNS = 25;
/** The laws have tests of their own, with the shipped parameters. */
const drawn = campaigns().filter(({ name }) => !name.endsWith(" laws"));

describe("odd shapes with any legal parameters", () => {
  test.each(drawn.map((campaign) => [campaign.name, campaign] as const))("%s", async (_name, campaign) => {
    const { failure, passed, runs } = await campaign.check(SEED, RUNS);
    expect(failure).toBeUndefined();
    expect(passed).toBe(runs);
    expect(runs).toBeGreaterThan(0);
  });
});

/** The machine `id` with its results altered. */
function altered(id: string, alter: (result: ComputeResult) => Partial<ComputeResult>): Record<string, Accelerator> {
  const honest = accelerators[id];
  const run: Accelerator["run"] = (operation, params) => {
    const result = honest.run(operation, params);
    return { ...result, ...alter(result) };
  };
  return { [id]: { ...honest, run } };
}

async function failureOf(machines: Record<string, Accelerator>, name: string): Promise<string> {
  const campaign = campaigns(machines).find((one) => one.name === name);
  return (await campaign?.check(SEED, 200))?.failure ?? "none";
}

describe("a failure tells the seed, what is wrong, and the smallest case", () => {
  test("where a closed form is broken", async () => {
    const slower = altered("weight-queue", ({ cycles, baseCycles }) => ({
      cycles: cycles > 20 ? cycles + 1 : cycles,
      baseCycles: cycles > 20 ? Math.max(baseCycles, cycles + 1) : baseCycles,
    }));
    const failure = await failureOf(slower, "weight-queue");
    expect(failure).toMatch(new RegExp(`^seed ${SEED}: .*cycles: expected \\d+, got \\d+; smallest case \\(path`));
    const { geometry } = JSON.parse(failure.slice(failure.indexOf("[{")))[0];
    // Shrunk as far as more than 20 cycles allow.
    expect(geometry.N * geometry.groups).toBeLessThanOrEqual(2);
  });

  test("where a law is broken", async () => {
    const lossy = altered("ideal", ({ onChipReads }) => ({ onChipReads: { ...onChipReads, weight: -1 } }));
    expect(await failureOf(lossy, "ideal")).toMatch(/onChipReads: weight is -1; .*smallest case/);
    expect(await failureOf(lossy, "ideal laws")).toMatch(/onChipReads: weight is -1/);
  });
});
