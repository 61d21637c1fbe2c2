import { describe, expect, it } from "vitest";
import { coefficientOfVariation, densityStatistics } from "../../src/trace/statistics.ts";
import { MASKS, packbits } from "../support/hand-made.ts";

const mask = (shape: number[], rows: number[][]) => ({ shape, bytes: Uint8Array.from(packbits(rows)) });

describe("density and its spread", () => {
  it("of counts: standard deviation over mean", () => {
    expect(coefficientOfVariation(Float64Array.of(1, 3))).toBeCloseTo(1 / 2, 12);
    expect(coefficientOfVariation(Float64Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toBeCloseTo(2 / 5, 12);
    expect(coefficientOfVariation(Float64Array.of(5))).toBe(0);
  });

  it("is zero where nothing is counted", () => {
    expect(coefficientOfVariation(Float64Array.of(0, 0))).toBe(0);
    expect(coefficientOfVariation(new Float64Array(0))).toBe(0);
  });

  it("tells filters from channels", () => {
    // Filter 0 holds 3 + 1 ones in its two channels, filter 1 none: filters 4, 0 (spread 1), channels 3, 1 (spread 1/2).
    const statistics = densityStatistics(
      mask(
        [2, 2, 1, 3],
        [
          [1, 1, 1, 0, 1, 0],
          [0, 0, 0, 0, 0, 0],
        ],
      ),
    );
    expect(statistics.density).toBeCloseTo(4 / 12, 12);
    expect(statistics.spreadOverSlices).toBeCloseTo(1, 12);
    expect(statistics.spreadOverChannels).toBeCloseTo(1 / 2, 12);
  });

  it("of a mask whose slices are no whole bytes", () => {
    // Every third element is zero: 18 of 27 in both images; of each channel's 9 elements 6 are kept.
    const rows = MASKS.input.map((row) => [...row]);
    const statistics = densityStatistics(mask([2, 3, 3, 3], rows));
    expect(statistics).toEqual({ density: 36 / 54, spreadOverSlices: 0, spreadOverChannels: 0 });
  });

  it.each([[[0, 3, 2, 2]], [[2, 0, 2, 2]], [[2, 3, 0]]])("of an empty tensor %j are zero", (shape) => {
    const rows = Array.from({ length: shape[0] }, () =>
      new Array<number>(shape.slice(1).reduce((a, b) => a * b)).fill(0),
    );
    expect(densityStatistics(mask(shape, rows))).toEqual({ density: 0, spreadOverSlices: 0, spreadOverChannels: 0 });
  });

  it("of a vector: one channel", () => {
    expect(densityStatistics(mask([4], [[1], [0], [1], [0]]))).toEqual({
      density: 0.5,
      spreadOverSlices: 1,
      spreadOverChannels: 0,
    });
  });
});
