import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { StepPlan } from "../../src/swat/step-plan.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const base = { ...defaults, epochs: 6, batchSize: 10, schedule: [{ epoch: 0, rate }] };
const ratesFrom = (...epochs: number[]) => epochs.map((epoch, i) => ({ epoch, rate: rate / 10 ** i }));
const strataOf = (plan: StepPlan) => plan.strata.map(({ phase, kind, steps }) => `${phase} ${kind} ${steps}`);

describe("the steps of a run", () => {
  it("have a phase for each learning rate, and for each warm-up", () => {
    const schedule = ratesFrom(0, 3, 5);
    // Seven steps an epoch, of which the first and the fifth search thresholds.
    const swat = new StepPlan({ ...base, schedule, topKPeriod: 4, warmup: 1 }, 65);
    expect(swat.steps).toBe(42);
    expect(strataOf(swat)).toEqual([
      ...["0 refresh 7", "1 refresh 4", "1 reuse 10", "2 refresh 4", "2 reuse 10", "3 refresh 2", "3 reuse 5"],
    ]);
    expect(swat.strata.map(({ from, to }) => [from, to])).toEqual([
      [0, 7],
      [7, 21],
      [7, 21],
      [21, 35],
      [21, 35],
      [35, 42],
      [35, 42],
    ]);
    expect(strataOf(new StepPlan({ ...base, schedule, method: "dense", warmup: 1, rateWarmup: 2 }, 65))).toEqual([
      "0 dense 14",
      "1 dense 7",
      "2 dense 14",
      "3 dense 7",
    ]);
  });

  it("are one phase where an entry of the schedule changes nothing, or lies beyond the run", () => {
    const schedule = [...base.schedule, { epoch: 2, rate }, { epoch: 6, rate: rate / 10 }];
    expect(strataOf(new StepPlan({ ...base, schedule, method: "dense" }, 20))).toEqual(["0 dense 12"]);
  });

  const settings = fc.record({
    method: fc.constantFrom("dense" as const, "swat-u" as const),
    epochs: fc.integer({ min: 1, max: 8 }),
    batchSize: fc.integer({ min: 1, max: 9 }),
    topKPeriod: fc.integer({ min: 1, max: 12 }),
    warmup: fc.integer({ min: 0, max: 9 }),
    rateWarmup: fc.integer({ min: 0, max: 9 }),
    schedule: fc
      .uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 3 })
      .map((epochs) => ratesFrom(0, ...epochs.sort((a, b) => a - b))),
  });

  it("are each in one stratum, and so many of every stratum are chosen, at equal distances", () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 6 }), (given, images, count) => {
        const plan = new StepPlan(given, images);
        const chosen = plan.spread(count);
        let sum = 0;
        for (const { phase, kind, steps, from, to } of plan.strata) {
          const own = [...Array(plan.steps).keys()].filter((t) => plan.phaseOf(t) === phase && plan.kindOf(t) === kind);
          expect(own.length).toBe(steps);
          expect(own[0]).toBeGreaterThanOrEqual(from);
          expect(own.at(-1)).toBeLessThan(to);
          const ranks = own.flatMap((step, rank) => (chosen.has(step) ? rank : []));
          expect(ranks.length).toBe(Math.min(steps, Math.max(2, count)));
          const apart = ranks.slice(1).map((rank, i) => rank - ranks[i]);
          if (apart.length > 1) expect(Math.max(...apart) - Math.min(...apart)).toBeLessThanOrEqual(1);
          sum += steps;
        }
        expect(sum).toBe(plan.steps);
      }),
      { numRuns: 60 },
    );
  });
});
