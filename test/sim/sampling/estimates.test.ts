/** Samples: how they are drawn, weighed and rounded, and how wide their intervals are. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { rounded } from "../../../src/sim/sampling/counts.ts";
import { drawnShare, drawStrata, weightsOf } from "../../../src/sim/sampling/draw.ts";
import { strataBySize } from "../../../src/sim/sampling/strata.ts";
import { student95 } from "../../../src/sim/sampling/student.ts";
import { sumOfWidths } from "../../../src/sim/sampling/total-widths.ts";
import { unseenCycles } from "../../../src/sim/sampling/unseen.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("strata", () => {
  it("have the least spread of all ways to cut units in order of size", () => {
    const spread = (sizes: readonly number[]) => {
      const mean = sizes.reduce((a, b) => a + b, 0) / Math.max(1, sizes.length);
      return (
        sizes.length * Math.sqrt(sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / Math.max(1, sizes.length))
      );
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }), (sizes) => {
        const sorted = sizes.toSorted((a, b) => a - b);
        let least = Number.POSITIVE_INFINITY;
        for (let i = 0; i <= sizes.length; i++) {
          for (let j = i; j <= sizes.length; j++) {
            const parts = [sorted.slice(0, i), sorted.slice(i, j), sorted.slice(j)];
            least = Math.min(
              least,
              parts.reduce((sum, part) => sum + spread(part), 0),
            );
          }
        }
        const strata = strataBySize(sizes, 3).map((units) => units.map((unit) => sizes[unit]));
        expect(strata.flat()).toEqual(sorted);
        expect(strata.reduce((sum, part) => sum + spread(part), 0)).toBeCloseTo(least, 6);
      }),
    );
  });

  it("take few units that are far from the others for themselves", () => {
    const sizes = range(40).map((unit) => (unit < 5 ? 700 + unit : 100 + (unit % 7)));
    expect(strataBySize(sizes, 3).at(-1)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("a draw", () => {
  const works = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 90 });

  it("takes each unit at most once, from strata of like work, in groups of equal size", () => {
    fc.assert(
      fc.property(works, fc.double({ min: 0, max: 1, noNaN: true }), fc.string(), (work, share, key) => {
        const strata = drawStrata(work, share, key);
        expect(drawStrata(work, share, key)).toEqual(strata);
        if (strata === null) return;
        expect(strata.flatMap(({ members }) => members).toSorted((a, b) => a - b)).toEqual(range(work.length));
        const all = strata.flatMap(({ groups }) => groups.flat());
        expect(new Set(all).size).toBe(all.length);
        expect(all.length).toBeGreaterThanOrEqual(12);
        expect(all.length).toBeLessThanOrEqual(Math.max(share, 0.5) * work.length + 1 / 2);
        let lightest = Number.NEGATIVE_INFINITY;
        for (const { members, groups } of strata) {
          if (groups.length > 1) expect(groups.length).toBeGreaterThanOrEqual(4);
          else expect(groups).toEqual([members]);
          expect(new Set(groups.map(({ length }) => length)).size).toBe(1);
          expect(groups.flat().every((unit) => members.includes(unit))).toBe(true);
          const works = members.map((unit) => work[unit]);
          expect(Math.min(...works)).toBeGreaterThanOrEqual(lightest);
          lightest = Math.max(...works);
        }
      }),
    );
  });

  it("has weights of one at least, for what they stand for, so that no estimate is beyond what is possible", () => {
    fc.assert(
      fc.property(works, fc.array(fc.nat(100), { minLength: 90, maxLength: 90 }), fc.string(), (work, cycles, key) => {
        const strata = drawStrata(work, 0.25, key);
        if (strata === null) return;
        const groups = strata.flatMap(({ groups }) => groups);
        for (const without of [undefined, { stratum: 0, group: 0 }]) {
          if (without && strata[0].groups.length === 1) continue;
          const weights = weightsOf(strata, without);
          const sum = (value: (group: readonly number[]) => number) =>
            groups.reduce((total, group, i) => total + weights[i] * value(group), 0);
          expect(weights.filter((weight) => weight < 1)).toEqual(without ? [0] : []);
          expect(sum(({ length }) => length)).toBeCloseTo(work.length, 9);
          const estimate = sum((group) => group.reduce((total, unit) => total + cycles[unit], 0));
          expect(estimate).toBeGreaterThanOrEqual(0);
          expect(estimate).toBeLessThanOrEqual(100 * work.length + 1e-6);
        }
      }),
    );
  });

  it("is none where it saves nothing", () => {
    expect(drawStrata(range(22), 0.25, "few")).toBeNull();
    expect(drawStrata(range(40), 1, "all")).toBeNull();
    expect(drawStrata(range(64), 0.25, "enough")).not.toBeNull();
  });

  it("draws each unit of a stratum equally often", () => {
    const work = range(42).map((unit) => 100 + unit);
    const times = new Array<number>(work.length).fill(0);
    const shares = new Array<number>(work.length).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const stratum of drawStrata(work, 0.3, `${seed}`) ?? []) {
        for (const unit of stratum.groups.flat()) times[unit]++;
        for (const unit of stratum.members) shares[unit] = drawnShare(stratum);
      }
    }
    times.forEach((count, unit) => {
      const share = shares[unit];
      // Four standard deviations of a binomial distribution.
      expect(Math.abs(count - 2000 * share)).toBeLessThan(4 * Math.sqrt(2000 * share * (1 - share)) + 1e-9);
    });
  });
});

describe("what a draw does not see", () => {
  const strata = [{ members: range(20), groups: range(5).map((group) => [group]) }];

  it("is three of n of the others, as unlike as their work, and a cycle at least", () => {
    const work = range(20).map((unit) => (unit < 5 ? 100 : unit < 10 ? 150 : 100));
    // 3/5 of 15 units by a cycle, of which five may differ by half of the 40 cycles of a unit.
    expect(unseenCycles(strata, work, new Array<number>(5).fill(40), 1)).toBeCloseTo(0.6 * (15 + 5 * 20), 9);
    expect(unseenCycles(strata, new Array<number>(20).fill(0), new Array<number>(5).fill(0), 2)).toBeCloseTo(18, 9);
  });

  it("is told from other strata where all that were drawn are idle", () => {
    const two = [...strata, { members: [20, 21], groups: [[20, 21]] }];
    const work = range(22).map((unit) => (unit < 10 ? 0 : unit < 20 ? 10 : 100));
    expect(unseenCycles(two, work, [0, 0, 0, 0, 0, 400], 0)).toBeCloseTo(0.6 * 10 * 20, 9);
  });
});

describe("half-widths of sums", () => {
  it("add up as squares where they are chance, and as they are where they are bounds", () => {
    const row = (width: number, bound: number) => ({
      sample: { axis: "images" as const, drawn: 1, of: 2, ci95: { seconds: width }, bounds: { seconds: bound } },
    });
    expect(sumOfWidths([row(3, 0), row(4, 0), {}], "seconds")).toBeCloseTo(5, 12);
    expect(sumOfWidths([row(3, 3), row(4, 4)], "seconds")).toBeCloseTo(7, 12);
    expect(sumOfWidths([row(5, 2), row(5, 1)], "seconds")).toBeCloseTo(5 + 3, 12);
  });
});

describe("Student's t", () => {
  it("has the quantiles of the printed tables", () => {
    // Abramowitz and Stegun, table 26.10, A(t) = 0.95.
    const table = {
      1: 12.706,
      2: 4.303,
      3: 3.182,
      4: 2.776,
      5: 2.571,
      8: 2.306,
      12: 2.179,
      20: 2.086,
      30: 2.042,
      120: 1.98,
    };
    for (const [degrees, t] of Object.entries(table)) expect(student95(Number(degrees))).toBeCloseTo(t, 3);
    expect(student95(4.9)).toBe(student95(4));
    expect(student95(0.3)).toBe(student95(1));
  });
});

describe("whole counts", () => {
  it("keep the sum of the multiplier-cycles", () => {
    const run: ComputeResult = {
      ...{ cycles: 10.6, baseCycles: 20.2, packedCycles: 3.3, reschedulingCycles: 0, scheduled: null },
      ...{ counters: { a: 1.5 }, onChipReads: {}, onChipWrites: 2 },
      multiplierCycles: { occupied: 33.3, movement: 20.2, imbalance: 31.3 },
    };
    const { multiplierCycles, cycles } = rounded(run, 8);
    expect(cycles).toBe(11);
    // Of 84.8 multiplier-cycles all are told, so that 88 are told of 11 cycles.
    expect(multiplierCycles).toEqual({ occupied: 37, movement: 20, imbalance: 31 });
  });
});
