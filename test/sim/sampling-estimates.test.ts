/** What estimates from samples are made of: how samples are drawn, weighed and rounded. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ComputeResult } from "../../src/sim/accelerator.ts";
import { rounded } from "../../src/sim/sampling/counts.ts";
import { drawStrata } from "../../src/sim/sampling/draw.ts";
import { student95 } from "../../src/sim/sampling/student.ts";
import { weightsOf } from "../../src/sim/sampling/weights.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a draw", () => {
  it("takes each unit at most once, from strata of like work, in groups of equal size", () => {
    const works = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 11, maxLength: 90 });
    fc.assert(
      fc.property(works, fc.double({ min: 0, max: 1, noNaN: true }), fc.string(), (work, share, key) => {
        const drawn = Math.max(10, Math.floor(share * (work.length - 1)));
        const strata = drawStrata(work, drawn, key);
        expect(drawStrata(work, drawn, key)).toEqual(strata);
        expect(strata.reduce((sum, { units }) => sum + units, 0)).toBe(work.length);
        const all = strata.flatMap(({ groups }) => groups.flat());
        expect(new Set(all).size).toBe(all.length);
        // Idle units may take four more.
        expect(all.length).toBeLessThanOrEqual(drawn + 5);
        const sorted = work.toSorted((a, b) => a - b);
        expect([strata[0].groups, strata[strata.length - 1].groups].flat(2).map((unit) => work[unit])).toEqual([
          sorted[0],
          sorted[sorted.length - 1],
        ]);
        let lightest = Number.NEGATIVE_INFINITY;
        for (const { units, groups } of strata) {
          if (groups.flat().length < units) expect(groups.length).toBeGreaterThanOrEqual(4);
          expect(new Set(groups.map(({ length }) => length)).size).toBe(1);
          expect(groups.flat().length).toBeLessThanOrEqual(units);
          const works = groups.flat().map((unit) => work[unit]);
          expect(Math.min(...works)).toBeGreaterThanOrEqual(lightest);
          lightest = Math.max(...works);
        }
      }),
    );
  });

  it("draws each unit of a stratum equally often", () => {
    const work = range(42).map((unit) => 100 + unit);
    const times = new Array<number>(work.length).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const unit of drawStrata(work, 12, `${seed}`).flatMap(({ groups }) => groups.flat())) times[unit]++;
    }
    expect([times[0], times[41]]).toEqual([2000, 2000]);
    // 10 of 40 in two strata: 500 ± 4 standard deviations of 19.4.
    for (const count of times.slice(1, -1)) expect(Math.abs(count - 500)).toBeLessThan(80);
  });
});

describe("weights", () => {
  const strata = [
    { units: 12, groups: [[0], [1], [2], [3]] },
    {
      units: 20,
      groups: [
        [4, 5],
        [6, 7],
        [8, 9],
        [10, 11],
        [12, 13],
      ],
    },
  ];
  const known = [
    [10, 12, 9, 11],
    [30, 44, 36, 35, 41],
  ];

  it("make what is equal in all units, and what is proportional to the known count, come out exactly, all groups taken or one left out", () => {
    for (const without of [undefined, { stratum: 1, group: 3 }]) {
      const weights = weightsOf(strata, known, 500, without);
      const estimate = (counts: readonly (readonly number[])[]) =>
        weights.reduce((sum, ofStratum, h) => ofStratum.reduce((s, weight, g) => s + weight * counts[h][g], sum), 0);
      expect(estimate(strata.map(({ groups }) => groups.map(({ length }) => length)))).toBeCloseTo(32, 9);
      expect(estimate(known)).toBeCloseTo(500, 9);
    }
    expect(weightsOf(strata, known, 500, { stratum: 1, group: 3 })[1][3]).toBe(0);
  });

  it("are units / drawn where the known count tells nothing", () => {
    const flat = [
      [7, 7, 7, 7],
      [9, 9, 9, 9, 9],
    ];
    expect(weightsOf(strata, flat, 500)).toEqual([
      [3, 3, 3, 3],
      [2, 2, 2, 2, 2],
    ]);
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
  it("keep the sum of the slots", () => {
    const run: ComputeResult = {
      ...{ cycles: 10.6, baseCycles: 20.2, packedCycles: 3.3, reschedulingCycles: 0, scheduled: null },
      ...{ counters: { a: 1.5 }, onChipReads: {}, onChipWrites: 2 },
      slots: { occupied: 33.3, movement: 20.2, imbalance: 31.3 },
    };
    const { slots, cycles } = rounded(run, 8);
    expect(cycles).toBe(11);
    // Of 84.8 multiplier-cycles all are told, so that 88 are told of 11 cycles.
    expect(slots).toEqual({ occupied: 37, movement: 20, imbalance: 31 });
  });
});
