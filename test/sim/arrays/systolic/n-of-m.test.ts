/** Which weights fit an N:M pattern, and what they take in each format. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countOnes, onesMask, setBit, zerosMask } from "../../../../src/core/bit-mask.ts";
import { type ConvGeometry, linearGeometry, weightShape } from "../../../../src/core/geometry.ts";
import { gemmJobs } from "../../../../src/sim/arrays/systolic/gemm-jobs.ts";
import { keptSlots, packedWeights, type SparsityMode } from "../../../../src/sim/arrays/systolic/n-of-m.ts";
import { denseStorage, sparseStorage } from "../../../../src/sim/arrays/systolic/sparse-storage.ts";
import { forwardPattern } from "./structured.ts";

const conv: ConvGeometry = {
  ...{ N: 1, C: 12, H: 5, W: 5, K: 8, R: 3, S: 3 },
  ...{ stride: [2, 2], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 2 },
};
const linear = linearGeometry(1, 16, 6);

describe("slots of an N:M pattern", () => {
  test("the last block may be short", () => {
    const slots = (k: number) => keptSlots(k, { n: 2, m: 4, mode: "layer" });
    expect([16, 17, 18, 19, 20, 0].map(slots)).toEqual([8, 9, 10, 10, 10, 0]);
  });

  test("n = m keeps everything", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.integer({ min: 1, max: 9 }), (k, m) => {
        expect(keptSlots(k, { n: m, m, mode: "row" })).toBe(k);
      }),
    );
  });
});

describe("weights that fit a pattern", () => {
  const packed = (g: ConvGeometry, mask: ReturnType<typeof onesMask>, mode: SparsityMode) =>
    packedWeights("forward", mask, g, gemmJobs("forward", g, "image"), { n: 2, m: 4, mode });
  const fits = (...args: Parameters<typeof packed>) => packed(...args)?.nonzeros ?? null;

  test("a shared pattern fits both modes, in every group", () => {
    const mask = forwardPattern(conv, 2, 4, () => 0);
    expect(fits(conv, mask, "layer")).toBe(countOnes(mask));
    expect(fits(conv, mask, "row")).toBe(countOnes(mask));
  });

  test("patterns that differ between filters fit row by row only", () => {
    const mask = forwardPattern(conv, 2, 4, (filter) => filter);
    expect(fits(conv, mask, "row")).toBe(countOnes(mask));
    expect(fits(conv, mask, "layer")).toBeNull();
  });

  test("patterns may differ between groups in both modes", () => {
    const mask = forwardPattern(conv, 2, 4, (filter) => (filter < conv.K / 2 ? 0 : 1));
    expect(fits(conv, mask, "layer")).toBe(countOnes(mask));
  });

  test("one weight too many in the last block of the last filter is found", () => {
    const mask = forwardPattern(linear, 2, 4, () => 0);
    setBit(mask, linear.K - 1, 14);
    expect(fits(linear, mask, "row")).toBeNull();
    expect(fits(linear, mask, "layer")).toBeNull();
  });

  test("zeros fit, ones do not", () => {
    expect(fits(conv, zerosMask(weightShape(conv)), "layer")).toBe(0);
    expect(fits(conv, onesMask(weightShape(conv)), "row")).toBeNull();
  });

  test("inputGrad reduces over filters: of four neighbouring filters two may be nonzero", () => {
    const jobs = gemmJobs("inputGrad", conv, "image");
    const mask = zerosMask(weightShape(conv));
    for (const filter of [1, 2, 4, 7]) for (let i = 0; i < 6 * 9; i++) setBit(mask, filter, i);
    const found = () => packedWeights("inputGrad", mask, conv, jobs, { n: 2, m: 4, mode: "layer" });
    expect(found()?.nonzeros).toBe(4 * 6 * 9);
    setBit(mask, 3, 5 * 9 + 8);
    expect(found()).toBeNull();
  });

  test("are held for every filter where the pattern is shared, zero or not, and as nonzeros where it is not", () => {
    const mask = zerosMask(weightShape(linear));
    setBit(mask, 0, 3);
    setBit(mask, 1, 6);
    setBit(mask, 2, 6);
    expect(packed(linear, mask, "layer")).toEqual({ nonzeros: 3, held: [2 * linear.K] });
    expect(packed(linear, mask, "row")).toEqual({ nonzeros: 3, held: [3] });
    const kernel = zerosMask(weightShape(conv));
    setBit(kernel, 0, 2 * 9 + 4);
    expect(packed(conv, kernel, "layer")?.held).toEqual([0, 0, 0, 0, conv.K / 2, 0, 0, 0, 0]);
  });
});

describe("storage", () => {
  const pattern = { n: 2, m: 4, mode: "layer" } as const;
  const jobs = gemmJobs("forward", linear, "image");

  test("ellpack: every slot, with two bits that place it in its block of four", () => {
    const stored = sparseStorage("ellpack", jobs, 1, 40, pattern);
    expect(stored).toEqual({ storedWeights: 8 * 6, metadataBits: 8 * 6 * 2 });
  });

  test("csr and csc: nonzeros, an index for each, and the pointers of rows or columns", () => {
    expect(sparseStorage("csr", jobs, 1, 40, pattern)).toEqual({ storedWeights: 40, metadataBits: 32 * (40 + 17) });
    expect(sparseStorage("csc", jobs, 1, 40, pattern)).toEqual({ storedWeights: 40, metadataBits: 32 * (40 + 7) });
  });

  test("groups have matrices of their own, images share them", () => {
    const grouped = gemmJobs("forward", { ...conv, N: 5 }, "image");
    expect(denseStorage(grouped, 2)).toEqual({ storedWeights: 8 * 6 * 9, metadataBits: 0 });
    expect(sparseStorage("csc", grouped, 2, 0, pattern).metadataBits).toBe(32 * 2 * (4 + 1));
  });
});
