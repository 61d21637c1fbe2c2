/** The laws of the estimate of a whole run. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanOf, type RecordedStep, ratioOf, SampledRun } from "../../../src/studies/whole-run/estimate.ts";
import type { Stratum } from "../../../src/swat/step-plan.ts";
import { faultsOf } from "../../support/folder.ts";

const stratum = (steps: number, change: Partial<Stratum> = {}): Stratum => ({
  ...{ phase: 0, kind: "reuse", steps, from: 0, to: steps },
  ...change,
});
const at = (step: number, change: Partial<RecordedStep> = {}): RecordedStep => ({
  step,
  phase: 0,
  kind: "reuse",
  ...change,
});

/** A run of phases with every tenth step or so of another kind, what each step takes, and the strata. */
const runs = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 12 }),
    fc.infiniteStream(fc.double({ min: 1e-9, max: 1e3, noNaN: true })),
  )
  .map(([lengths, period, times]) => {
    const steps: RecordedStep[] = [];
    const strata: Stratum[] = [];
    for (const [phase, length] of lengths.entries()) {
      const from = steps.length;
      for (let i = 0; i < length; i++)
        steps.push({ step: from + i, phase, kind: i % period === 0 ? "refresh" : "reuse" });
      for (const kind of ["refresh", "reuse"]) {
        const count = steps.filter((step) => step.phase === phase && step.kind === kind).length;
        if (count > 0) strata.push({ phase, kind, steps: count, from, to: from + length });
      }
    }
    return { steps, strata, times: steps.map(() => times.next().value as number) };
  });

const plainSum = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0);

/** Of every stratum the steps at equal distances. */
function sample({ steps, strata }: { steps: readonly RecordedStep[]; strata: readonly Stratum[] }, count: number) {
  return strata.flatMap(({ phase, kind }) => {
    const own = steps.filter((step) => step.phase === phase && step.kind === kind);
    const n = Math.min(count, own.length);
    return Array.from({ length: n }, (_, i) => own[Math.floor(((i + 1 / 2) * own.length) / n)]);
  });
}

describe("a whole run", () => {
  it("of which every step is recorded takes exactly their plain sum, up to every step, without an error", () => {
    fc.assert(
      fc.property(runs, fc.nat(), ({ steps, strata, times }, cut) => {
        const run = new SampledRun(strata, [...steps].reverse(), "run");
        expect(run.total(times)).toEqual({ value: plainSum(times), ci95: 0 });
        const before = cut % (times.length + 1);
        expect(run.total(times, before).value).toBe(plainSum(times.slice(0, before)));
        expect(run.withoutInterval).toEqual([]);
      }),
    );
  });

  it("takes twice the time when it has twice as many steps of every kind, and no ratio moves", () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 5 }), ({ steps, strata, times }, count) => {
        // At least one step of each stratum is not recorded.
        const longer = strata.map((each) => ({ ...each, steps: each.steps + count }));
        const recorded = sample({ steps, strata }, count);
        const twice = longer.map((each) => ({ ...each, steps: 2 * each.steps }));
        const values = new SampledRun(longer, recorded, "run").recorded.map(({ step }) => times[step]);
        const others = values.map((value, i) => value + i);
        const [once, double] = [longer, twice].map((all) => new SampledRun(all, recorded, "run"));
        expect(double.total(values).value).toBe(2 * once.total(values).value);
        const [a, b] = [once, double].map((run) => ratioOf(run.total(others), run.total(values))?.value);
        expect(b).toBe(a);
      }),
    );
  });

  it("does not change but for its interval when a phase is cut in two equal halves", () => {
    const shape = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }));
    const times = fc.array(fc.double({ min: 1, max: 9, noNaN: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(shape, times, ([half, width], values) => {
        // Samples in the middle of cells of an odd number of steps.
        const cell = 2 * width + 1;
        const length = half * cell;
        const steps = Array.from({ length: 2 * half }, (_, i) => i * cell + width);
        const whole = new SampledRun(
          [stratum(2 * length)],
          steps.map((step) => at(step)),
          "run",
        );
        const halves = new SampledRun(
          [stratum(length), stratum(length, { phase: 1, from: length, to: 2 * length })],
          steps.map((step) => at(step, { phase: Number(step >= length) })),
          "run",
        );
        const taken = values.slice(0, 2 * half);
        expect(halves.total(taken).value / whole.total(taken).value).toBeCloseTo(1, 12);
      }),
    );
  });

  it("is interpolated linearly where three samples or more lie in a phase, at any distances", () => {
    const run = new SampledRun([stratum(100)], [at(10), at(20), at(90)], "run");
    const line = (step: number) => 3 + step / 7;
    // Steps 0 to 10 as step 10, 90 to 99 as step 90, and the line between them.
    const expected = plainSum(Array.from({ length: 100 }, (_, step) => line(Math.min(90, Math.max(10, step)))));
    expect(run.total([10, 20, 90].map(line)).value).toBeCloseTo(expected, 1);
    expect(run.total([1, 1, 1]).value).toBeCloseTo(100, 10);
    // With two, it is the mean, wherever they are.
    const two = new SampledRun([stratum(100)], [at(10), at(20)], "run");
    expect(two.total([4, 6])).toMatchObject({ value: 500 });
    expect(two.total([4, 6], 50)).toMatchObject({ value: 250 });
  });

  it("has the interval of Student's t, with the correction of a finite population, in quadrature over strata", () => {
    // s = 2; t of two degrees of freedom is 4.303 in tables.
    const one = new SampledRun([stratum(99)], [at(16), at(49), at(82)], "run");
    const { value, ci95 } = one.total([10, 12, 14]);
    expect(value).toBeCloseTo(99 * 12, 9);
    const alone = 4.302652729911275 * (2 / Math.sqrt(3)) * 99 * Math.sqrt(1 - 3 / 99);
    expect(ci95).toBeCloseTo(alone, 5);
    const both = new SampledRun(
      [stratum(99), stratum(99, { phase: 1, from: 99, to: 198 })],
      [at(16), at(49), at(82), ...[115, 148, 181].map((step) => at(step, { phase: 1 }))],
      "run",
    );
    expect(both.total([10, 12, 14, 10, 12, 14]).ci95).toBeCloseTo(Math.SQRT2 * alone, 5);
  });

  it("has no interval where a stratum of several steps has one sample, and says which", () => {
    const strata = [stratum(10), stratum(1, { kind: "refresh", to: 10 })];
    const run = new SampledRun(strata, [at(5), at(0, { kind: "refresh" })], "run");
    expect(run.total([2, 3])).toEqual({ value: 32, ci95: null });
    expect(run.withoutInterval).toEqual(["phase 0, reuse"]);
  });

  it("is refused without a sample of a stratum, with a step of none, or one too many", async () => {
    const strata = [stratum(2), stratum(5, { phase: 1, from: 2, to: 7 })];
    const recorded = [at(0), at(1), at(1), at(3, { kind: "dense" })];
    expect(await faultsOf(() => new SampledRun(strata, recorded, "out/run"))).toEqual([
      "out/run: phase 0, reuse: more steps are recorded than there are, got 3 of 2",
      "out/run: phase 1, reuse: no step of 5 is recorded; valid: at least 1, for an interval 2",
      "out/run: step 3: is of no stratum of the run, got phase 0, dense; known: phase 0, reuse; phase 1, reuse",
      "out/run: step 1: is recorded twice",
    ]);
    expect(await faultsOf(() => new SampledRun([stratum(2)], [at(2)], "run"))).toEqual([
      "run: phase 0, reuse: step 2 is recorded; valid: 0 to 1",
    ]);
  });
});

describe("estimates", () => {
  it("divide with relative half-widths in quadrature, and average as independent ones", () => {
    expect(ratioOf({ value: 6, ci95: 1.5 }, { value: 3, ci95: 0 })).toEqual({ value: 2, ci95: 0.5 });
    expect(ratioOf({ value: 30, ci95: 3 }, { value: 10, ci95: 2 })?.ci95).toBeCloseTo(3 * Math.hypot(0.1, 0.2), 12);
    expect(ratioOf({ value: 6, ci95: null }, { value: 3, ci95: 0 })).toEqual({ value: 2, ci95: null });
    expect(ratioOf({ value: 6, ci95: 0 }, { value: 0, ci95: 0 })).toBeNull();
    const [a, b] = [
      { value: 2, ci95: 3 },
      { value: 4, ci95: 4 },
    ];
    expect(meanOf([a, b])).toEqual({ value: 3, ci95: 2.5 });
    expect(meanOf([a, { value: 4, ci95: null }])).toEqual({ value: 3, ci95: null });
  });
});
