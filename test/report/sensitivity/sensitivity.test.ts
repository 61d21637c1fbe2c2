import { describe, expect, it } from "vitest";
import {
  curvesOf,
  type SensitivityPoint,
  sensitivityCsv,
  sensitivityTable,
} from "../../../src/report/sensitivity/sensitivity.ts";
import { accuracyOverSparsity, accuracyOverSpeedup } from "../../../src/report/sensitivity/sensitivity-plots.ts";
import { renderSvg } from "../../../src/report/svg.ts";
import { type Drop, SWAT_DROPS } from "../../../src/sparsity/operand-masking.ts";

function point(drop: readonly Drop[], sparsity: number, seed: number, accuracy: number | null): SensitivityPoint {
  const speedup = { forward: 1, inputGrad: null, weightGrad: 2, matmul: 1 + sparsity, step: 1.1 };
  return {
    name: `${drop}${sparsity}${seed}`,
    drop: [...drop],
    sparsity,
    seed,
    outcome:
      accuracy === null ? null : { testAccuracy: accuracy, loss: 0.5, denseMacs: 100, effectualMacs: 40, speedup },
  };
}

const POINTS = [1, 2, 3].flatMap((seed) => [
  point([], 0, seed, 0.9),
  point(["inputs:forward"], 0.9, seed, [0.5, 0.6, 0.7][seed - 1]),
  point(["inputs:forward"], 0.95, seed, seed === 1 ? 0.4 : null),
  point(SWAT_DROPS, 0.9, seed, 0.88),
  point(SWAT_DROPS, 0.95, seed, null),
]);

describe("curves of points", () => {
  const curves = curvesOf(POINTS);

  it("are one for each thing that is dropped, in order, and begin with dense training", () => {
    expect(curves.map(({ label }) => label)).toEqual(["inputs forward", "SWAT"]);
    for (const { points } of curves) {
      expect(points.map(({ sparsity }) => sparsity)).toEqual([0, 0.9, 0.95]);
      expect(points[0].accuracy).toBeCloseTo(0.9, 12);
      expect(points[0].standardError).toBeCloseTo(0, 12);
    }
  });

  it("have the mean of the seeds and its standard error", () => {
    const [, { accuracy, standardError, speedup, seeds }] = curves[0].points;
    expect(seeds).toBe(3);
    expect(accuracy).toBeCloseTo(0.6, 12);
    // 0.5, 0.6, 0.7: a standard deviation of 0.1 over √3.
    expect(standardError).toBeCloseTo(0.1 / Math.sqrt(3), 12);
    expect(speedup).toBeCloseTo(1.9, 12);
  });

  it("leave out what diverged, and count it", () => {
    expect(curves[0].points[2]).toEqual({
      sparsity: 0.95,
      seeds: 3,
      diverged: 2,
      accuracy: 0.4,
      standardError: null,
      speedup: 1.95,
    });
    expect(curves[1].points[2]).toMatchObject({ diverged: 3, accuracy: null, speedup: null });
  });
});

describe("the CSV", () => {
  it("has a line for each point and empty fields for what is not known", () => {
    const [header, ...lines] = sensitivityCsv(POINTS).trimEnd().split("\n");
    expect(header).toBe(
      "dropped,sparsity,seed,diverged,test_accuracy,loss,dense_macs,effectual_macs,forward_speedup,inputGrad_speedup,weightGrad_speedup,matmul_speedup,step_speedup",
    );
    expect(lines).toHaveLength(POINTS.length);
    expect(lines[0]).toBe(",0,1,0,0.9,0.5,100,40,1,,2,1,1.1");
    expect(lines[1]).toBe("inputs:forward,0.9,1,0,0.5,0.5,100,40,1,,2,1.9,1.1");
    expect(lines[4]).toBe("weights:forward+weights:backward+inputs:backward,0.95,1,1,,,,,,,,,");
  });
});

describe("the table", () => {
  it("has accuracies with standard errors, speed-ups, and what diverged", () => {
    const lines = sensitivityTable(curvesOf(POINTS))
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
    expect(lines).toContainEqual(["inputs forward", "90.0 % ± 0.0 %", "60.0 % ± 5.8 %", "40.0 % (2 of 3 diverged)"]);
    expect(lines).toContainEqual(["SWAT", "90.0 % ± 0.0 %", "88.0 % ± 0.0 %", "– (3 of 3 diverged)"]);
    expect(lines).toContainEqual(["inputs forward", "1.00", "1.90", "1.95"]);
    expect(lines).toContainEqual(["SWAT", "1.00", "1.90", "–"]);
  });
});

describe.each([
  ["over sparsity", accuracyOverSparsity, "sparsity (%)"],
  ["over speed-up", accuracyOverSpeedup, "speed-up of forward, inputGrad and weightGrad (×)"],
] as const)("the plot of accuracy %s", (_, specify, axis) => {
  const spec = specify(curvesOf(POINTS), "resnet8 & others");

  it("is well-formed SVG with a line for each curve, a mark for each point, and its words", async () => {
    const svg = await renderSvg(spec);
    expectWellFormed(svg);
    const lines = [...svg.matchAll(/class="mark-line role-mark[^>]*>(.*?)<\/g>/g)].map(([, marks]) => marks);
    expect(lines.join("").match(/<path /g)).toHaveLength(2);
    expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(5);
    for (const text of ["inputs forward", "SWAT", axis, "test accuracy (%)", "resnet8 &amp; others"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
  });

  it("is the same text every time", async () => {
    expect(await renderSvg(spec)).toBe(await renderSvg(spec));
  });
});

/** Tags of XML close in the order in which they open, and everything is inside one element. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  for (const [tag, end, name, self] of xml.matchAll(/<(\/?)([a-zA-Z:]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (end === "/") expect(open.pop(), tag).toBe(name);
    else if (self !== "/") open.push(name);
  }
  expect(open).toEqual([]);
  expect(xml.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]/);
  expect(xml.startsWith("<svg ") && xml.endsWith("</svg>\n")).toBe(true);
}
