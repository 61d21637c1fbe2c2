import { describe, expect, it } from "vitest";
import { paretoChart } from "../../../src/report/charts/pareto.ts";
import { sparsityChart } from "../../../src/report/charts/sparsity.ts";
import { reportPage } from "../../../src/report/html/page.ts";
import { sweepCsv } from "../../../src/report/html/sweep.ts";
import { shownPoints } from "../../../src/report/sweep/shown-points.ts";
import { costOf, paretoFront } from "../../../src/report/sweep/sweep-front.ts";
import { sweepPoint, valuesOf } from "../../support/report-input.ts";

/** A cloud whose edge is the front, and one slow point that costs most. */
const cloud = Array.from({ length: 50_000 }, (_, i) => {
  const angle = (i * 2.399963) % 1.57;
  const radius = ((i * 7919) % 50_000) / 50_000;
  return sweepPoint(1 + radius * Math.cos(angle), 1e9 * (2 - radius * Math.sin(angle)), {
    point: { "params.lanes": i },
  });
});
const worst = sweepPoint(0.5, 9e9, { point: { "params.lanes": -1 } });
const points = [...cloud.slice(0, 25_000), worst, ...cloud.slice(25_000)];

describe("a page of a long sweep", () => {
  it("shows the front and the extremes of 50,001 points, 2,000 in all, in their order, and says so", () => {
    const { shown, note } = shownPoints(points);
    expect(shown.length).toBe(2000);
    const front = paretoFront(points, costOf(points));
    expect(front.size).toBeGreaterThan(20);
    expect([...front].every((point) => shown.includes(point))).toBe(true);
    expect(paretoFront(shown, costOf(shown))).toEqual(front);
    expect(shown).toContain(worst);
    const known = new Set(shown);
    expect(points.filter((point) => known.has(point))).toEqual(shown);
    expect(note).toMatch(/^2,000 of 50,001 points are shown: the front/);
    expect(paretoChart(points).note).toContain(note);
    expect(valuesOf(paretoChart(points)).length).toBe(2000);
  });

  it("takes less than 5 MB, and the CSV has all points", async () => {
    const page = await reportPage({ results: [], points });
    expect(page.length).toBeLessThan(5e6);
    expect(page).toContain("2,000 of 50,001 points are shown");
    expect(sweepCsv(points).trimEnd().split("\n").length).toBe(1 + points.length);
  });

  it("keeps the fastest point of every machine and sparsity, which the lines join", () => {
    const synthetic = points.map((point, i) => ({
      ...point,
      synthetic: { network: "n", method: "m", sparsity: (i % 100) / 100 },
    }));
    const chart = sparsityChart(synthetic);
    const best = (values: readonly { readonly sparsity: unknown; readonly speedup: unknown }[], sparsity: number) =>
      values.reduce((most, value) => (value.sparsity === sparsity ? Math.max(most, Number(value.speedup)) : most), 0);
    const all = synthetic.map(({ synthetic: { sparsity }, metrics: { speedup } }) => ({ sparsity, speedup }));
    const drawn = valuesOf(chart as NonNullable<typeof chart>).map(({ sparsity, speedup }) => ({ sparsity, speedup }));
    for (const sparsity of [0, 0.37, 0.99]) expect(best(drawn, sparsity)).toBe(best(all, sparsity));
    expect(chart?.note).toContain("points are shown");
  });

  it("of up to 2,000 points shows all and says nothing", () => {
    expect(shownPoints(cloud.slice(0, 2000))).toEqual({ shown: cloud.slice(0, 2000), note: "" });
  });
});
