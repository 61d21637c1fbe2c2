/**
 * How many 95 % intervals hold the exact cycles, of samples of recorded masks and of units made up to be hard. Seeds are fixed; a
 * share below the thousandth quantile of the binomial distribution of intervals that cover 95 of 100 fails.
 */
import seedrandom from "seedrandom";
import { describe, expect, it } from "vitest";
import { loadMachines, openTraces } from "../../../src/api/open.ts";
import type { ComputeResult, Cut } from "../../../src/sim/hardware/accelerator.ts";
import type { Machine } from "../../../src/sim/hardware/machine.ts";
import { prepareOperation } from "../../../src/sim/operation/ablations.ts";
import type { Operation, Pass } from "../../../src/sim/operation/operation.ts";
import { drawStrata } from "../../../src/sim/sampling/draw.ts";
import { sampled } from "../../../src/sim/sampling/sampled.ts";
import type { Plan, SampledOperation } from "../../../src/sim/sampling/sampled-operation.ts";
import { extentOf, take } from "../../../src/sim/sampling/slice.ts";
import { macsAlong } from "../../../src/sim/sampling/unit-macs.ts";
import { isMacOp } from "../../../src/trace/manifest.ts";

/** What an operation is made of: work and cycles of each image or channel. */
interface Units {
  readonly work: readonly number[];
  readonly cycles: readonly number[];
}

const NOTHING: Omit<ComputeResult, "cycles"> = {
  ...{ baseCycles: 0, packedCycles: 0, reschedulingCycles: 0, scheduled: null },
  ...{ counters: {}, onChipReads: {}, onChipWrites: 0 },
};
const SEEDS = 100;
const SHARE = 0.25;

/** Parts that are groups of units, and a machine that counts the cycles of those that it is given. */
function sampleOf({ work, cycles }: Units, seed: string): { parts: SampledOperation; machine: Machine } | null {
  const strata = drawStrata(work, SHARE, seed);
  if (strata === null) return null;
  const plan: Plan = { axis: "images", size: 1, work, strata, drawn: 0 };
  const cut: Cut = { axis: "images", size: 1, once: false, edges: 0 };
  const part = (_: Operation, __: Plan, group: readonly number[]) => group;
  const run = (group: readonly number[]) => ({
    ...NOTHING,
    cycles: group.reduce((sum, unit) => sum + cycles[unit], 0),
  });
  return {
    parts: { planOf: () => ({ plan, cut }), part } as unknown as SampledOperation,
    machine: { accelerator: { run }, params: {}, multipliers: 1 } as unknown as Machine,
  };
}

/** How many samples hold the exact cycles, and how many there are; all of them are within what is possible. */
function coverage(operations: readonly Units[]): { covered: number; samples: number } {
  let [covered, samples] = [0, 0];
  operations.forEach((units, index) => {
    const exact = units.cycles.reduce((a, b) => a + b, 0);
    const most = units.cycles.length * Math.max(...units.cycles);
    for (let seed = 0; seed < SEEDS; seed++) {
      const drawn = sampleOf(units, `${seed} ${index}`);
      if (drawn === null) return;
      const { parts, machine } = drawn;
      const operation = {} as Operation;
      const { cycles, sample } = sampled(parts, (count) => ({ cycles: count?.(machine, operation).cycles ?? 0 }));
      covered += Number(Math.abs(cycles - exact) <= (sample?.ci95.cycles ?? 0));
      samples++;
      expect(cycles).toBeGreaterThanOrEqual(0);
      expect(cycles).toBeLessThanOrEqual(most + 1);
    }
  });
  return { covered, samples };
}

/** Least k with P(X ≤ k) ≥ 1/1000 for X covered of n samples, each with 95 %. */
function leastCovered(samples: number): number {
  let [covered, chance] = [samples, 0.95 ** samples];
  const chances = [chance];
  while (covered > 0) {
    chance *= (covered * 0.05) / ((samples - covered + 1) * 0.95);
    chances.unshift(chance);
    covered--;
  }
  let sum = 0;
  return chances.findIndex((each) => {
    sum += each;
    return sum >= 1e-3;
  });
}

const [scnn] = await loadMachines(["scnn-4096"]);
const [{ trace }] = await openTraces(["traces/resnet20/swat-u80-late.safetensors"]);

/** Some recorded operations cut into the units that a sample takes. */
async function recorded(pass: Pass, layers: readonly string[]): Promise<Units[]> {
  const { accelerator } = scnn;
  const params = { ...scnn.params, arrays: 1, peRows: 16, peColumns: 16, weightGradient: "planes" };
  const ops = trace.manifest.ops.filter(isMacOp).filter((op) => op.pass === pass && layers.includes(op.layer));
  expect(ops.length).toBe(layers.length);
  return Promise.all(
    ops.map(async (op) => {
      const { actual } = await prepareOperation(trace, op);
      const [cut] = accelerator.cuts?.(actual, params) ?? [];
      const units = Array.from({ length: extentOf(actual.geometry, cut.axis) }, (_, i) => i);
      const run = (unit: number) => accelerator.run(take(actual, cut.axis, [unit]), params).cycles;
      return { work: [...macsAlong(actual, cut.axis)], cycles: units.map(run) };
    }),
  );
}

describe("95 % intervals", () => {
  it.each<[Pass, readonly string[]]>([
    ["forward", ["layer2.0.conv2", "layer2.2.conv2", "layer3.0.conv2"]],
    ["inputGrad", ["layer2.1.conv1", "layer3.2.conv2"]],
    // Nearly all channels take the same cycles; few take an image less.
    ["weightGrad", ["layer2.2.conv2", "layer2.1.conv2", "layer3.1.conv1"]],
  ])("cover the exact cycles of recorded masks on one array of 16 × 16 elements, %s", async (pass, layers) => {
    const { covered, samples } = coverage(await recorded(pass, layers));
    expect(samples).toBe(SEEDS * layers.length);
    expect(covered).toBeGreaterThanOrEqual(leastCovered(samples));
  });

  const random = seedrandom("hard");
  const units = (count: number, make: (unit: number) => readonly [work: number, cycles: number]): Units => {
    const all = Array.from({ length: count }, (_, unit) => make(unit));
    return { work: all.map(([work]) => work), cycles: all.map(([, cycles]) => cycles) };
  };
  const outliers = (few: number) =>
    units(40, (unit) => {
      const work = Math.round((unit < few ? 7000 : 1000) * (0.8 + 0.4 * random()));
      return [work, Math.ceil(work / 64)];
    });
  const hard: Record<string, readonly Units[]> = {
    "a few units are much larger": [2, 3, 5, 7].map(outliers),
    "units are idle but for a few": [1, 2, 6].map((few) => units(48, (unit) => (unit < few ? [900, 300] : [0, 1]))),
    "cycles reach their bound but in a few units of little work": [1, 2, 3].map((few) =>
      units(64, (unit) => [Math.round(20000 + 80000 * (unit / 64)), unit % 9 === 2 && unit < 9 * few ? 8320 : 9344]),
    ),
    "cycles do not depend on work": [0.05, 0.3].map((spread) =>
      units(64, () => [1000 + Math.round(1000 * random()), Math.round(500 * (1 + spread * (2 * random() - 1)))]),
    ),
    "work spreads widely": [units(64, () => [Math.round(1000 * Math.exp(2 * random())), 0])].map(({ work }) => ({
      work,
      cycles: work.map((macs) => Math.ceil((macs * (0.9 + 0.2 * random())) / 16)),
    })),
    "all units are equal": [units(64, () => [1000, 50])],
  };
  it.each(Object.entries(hard))("cover the exact cycles where %s, without an estimate beyond the possible", (_, of) => {
    const { covered, samples } = coverage(of);
    expect(samples).toBe(SEEDS * of.length);
    expect(covered).toBeGreaterThanOrEqual(leastCovered(samples));
  });
});
