import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paretoChart } from "../../../src/report/charts/pareto.ts";
import { renderSvg } from "../../../src/report/svg.ts";
import { axisNamed, frontTable, paretoFront } from "../../../src/report/sweep/pareto.ts";
import type { SweepPoint } from "../../../src/report/sweep/sweep-points.ts";
import { sweepPoint } from "../../support/report-input.ts";

const point = (seconds: number, speedup: number | null, fields: SweepPoint["point"] = {}): SweepPoint => ({
  point: fields,
  machine: "m",
  trace: "t",
  metrics: {
    cycles: 1,
    seconds,
    speedup,
    speedupFromZeros: 1,
    matmulSpeedup: 1,
    computeSpeedup: 1,
    energyPicojoules: null,
    dramBytes: 1,
    onChipBytes: 1,
    multipliers: 1,
  },
});
const refused: SweepPoint = { point: { "params.rows": 0 }, machine: "m", trace: "t", error: "no" };

describe("the front", () => {
  it("is what comparing all pairs leaves", () => {
    const small = fc.integer({ min: 0, max: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(small, fc.option(small)), { minLength: 1, maxLength: 40 }), (pairs) => {
        const points = [...pairs.map(([seconds, speedup]) => point(seconds, speedup)), point(8, 0), refused];
        const numbers = (one: SweepPoint) => one.metrics as { seconds: number; speedup: number };
        const valid = points.filter(({ metrics }) => metrics !== undefined && metrics.speedup !== null);
        const beats = (a: SweepPoint, b: SweepPoint) => {
          const [x, y] = [numbers(a), numbers(b)];
          const noWorse = x.seconds <= y.seconds && x.speedup >= y.speedup;
          return noWorse && (x.seconds < y.seconds || x.speedup > y.speedup);
        };
        const expected = valid.filter((one) => !valid.some((other) => beats(other, one)));
        const front = paretoFront(points, axisNamed("seconds", points), axisNamed("speedup", points));
        expect(new Set(front)).toEqual(new Set(expected));
        expect(front).toHaveLength(expected.length);
        const seconds = front.map((one) => numbers(one).seconds);
        expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
      }),
    );
  });

  it("is one for each trace, whatever others cost; synthetic traces that differ in nothing but an axis have one together", () => {
    const drawn = (seconds: number, sparsity: number, method: string): SweepPoint => ({
      ...point(seconds, 1, { "synthetic.sparsity": sparsity, "synthetic.method": method }),
      ...{ trace: `${method} ${sparsity}`, synthetic: { method, sparsity } },
    });
    const others = [
      { ...point(9, 1), trace: "large" },
      { ...point(8, 2), trace: "large" },
    ];
    const front = (points: SweepPoint[], x: string, y: string) =>
      paretoFront(points, axisNamed(x, points), axisNamed(y, points));
    expect(front([...others, point(1, 3)], "seconds", "speedup")).toEqual([others[1], point(1, 3)]);

    const steps = [drawn(3, 0.5, "a"), drawn(4, 0.8, "a"), drawn(2, 0.9, "a"), drawn(9, 0.9, "b")];
    expect(front(steps, "min:synthetic.sparsity", "seconds")).toEqual([steps[0], steps[2], steps[3]]);
    expect(front(steps, "seconds", "speedup")).toEqual(steps);
  });

  it("takes swept fields with a goal, and goals other than the usual ones", () => {
    const points = [
      point(1, 1, { "params.rows": 4 }),
      point(2, 1, { "params.rows": 2 }),
      point(3, 1, { "params.rows": 8 }),
    ];
    const front = (x: string, y: string) => paretoFront(points, axisNamed(x, points), axisNamed(y, points));
    expect(front("min:params.rows", "seconds")).toEqual([points[1], points[0]]);
    expect(front("max:params.rows", "max:seconds")).toEqual([points[2]]);
    const table = frontTable(points, axisNamed("seconds", points), axisNamed("min:params.rows", points));
    expect(table.split("\n")).toHaveLength(1 + points.length);
  });

  it.each([
    ["secodns", 'unknown metric or field, got "secodns"; did you mean "seconds"?'],
    ["params.rows", "params.rows: needs a goal, got none; known: min:params.rows, max:params.rows"],
    ["energyPicojoules", "energyPicojoules: no point has a number"],
    ["toString", "unknown metric or field"],
  ])("refuses the axis %s", (axis, message) => {
    expect(() => axisNamed(axis, [point(1, 1), refused])).toThrow(message);
  });
});

it("the chart draws a front for each baseline, since their points do not beat each other", async () => {
  const points = ["one", "two"].flatMap((baseline, i) =>
    [1, 2, 3].map((n) => sweepPoint(n + 5 * i, n * 1e9, { baseline, point: { "params.lanes": n } })),
  );
  const svg = await renderSvg(paretoChart(points).spec);
  expect(svg.match(/<g class="mark-line [^>]*><path d="M/g)).toHaveLength(2);
});
