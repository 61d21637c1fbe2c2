/** The matrix products of a pass hold each of its multiplications once. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gridMacs, phaseMacs } from "../../../../src/core/dense-macs.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../../src/core/geometry.ts";
import { type GemmJob, gemmJobs } from "../../../../src/sim/arrays/systolic/gemm-jobs.ts";
import { PASSES } from "../../../../src/sim/operation/operation.ts";
import { geometries } from "../../../support/geometries.ts";

const volume = (jobs: readonly GemmJob[]) => jobs.reduce((sum, { m, n, k, times }) => sum + m * n * k * times, 0);
const sizes = (jobs: readonly GemmJob[]) => jobs.map(({ m, n, k, times }) => [m, n, k, times]);

const strided: ConvGeometry = {
  ...{ N: 3, C: 8, H: 7, W: 6, K: 10, R: 3, S: 2 },
  ...{ stride: [2, 2], padding: [1, 1, 0, 0], dilation: [1, 1], groups: 2 },
};

describe("matrix products", () => {
  test.each(PASSES)("%s: they multiply as often as the pass, padding included", (pass) => {
    fc.assert(
      fc.property(geometries, fc.constantFrom("image" as const, "fold" as const), (g, batch) => {
        expect(volume(gemmJobs(pass, g, batch))).toBe(pass === "inputGrad" ? phaseMacs(g) : gridMacs(g));
      }),
    );
  });

  test("forward: windows × filters of a group over taps and channels of a group", () => {
    expect(sizes(gemmJobs("forward", strided, "image"))).toEqual([[4 * 3, 5, 6 * 4, 2 * 3]]);
    expect(sizes(gemmJobs("forward", strided, "fold"))).toEqual([[3 * 4 * 3, 5, 6 * 4, 2]]);
  });

  test("inputGrad: one product for each stride phase, with the taps that hit it", () => {
    // Input rows 0, 2, 4, 6 meet kernel row 1 (padding 1), rows 1, 3, 5 kernel rows 0 and 2; each column one kernel column.
    expect(sizes(gemmJobs("inputGrad", strided, "image"))).toEqual([
      [4 * 3, 4, 1 * 5, 6],
      [4 * 3, 4, 1 * 5, 6],
      [3 * 3, 4, 2 * 5, 6],
      [3 * 3, 4, 2 * 5, 6],
    ]);
  });

  test("inputGrad of stride 1 is the forward product of the turned layer", () => {
    const g: ConvGeometry = { ...strided, stride: [1, 1], groups: 1, padding: [2, 2, 1, 1] };
    const turned: ConvGeometry = {
      ...{ ...g, C: g.K, K: g.C, H: outputHeight(g), W: outputWidth(g) },
      padding: [0, 0, 0, 0],
    };
    expect(sizes(gemmJobs("inputGrad", g, "image"))).toEqual(sizes(gemmJobs("forward", turned, "image")));
  });

  test("weightGrad: channels × taps times filters over the output positions", () => {
    expect(sizes(gemmJobs("weightGrad", strided, "image"))).toEqual([[4 * 6, 5, 4 * 3, 2 * 3]]);
    expect(sizes(gemmJobs("weightGrad", strided, "fold"))).toEqual([[4 * 6, 5, 3 * 4 * 3, 2]]);
  });
});
