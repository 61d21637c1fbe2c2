/**
 * SCNN keeps the laws of every accelerator but for its bank conflicts, which the array without skipping does not have:
 * where nothing can be skipped, they make it slower than that array.
 */
import { expect, test } from "vitest";
import { type ScnnParams, scnn } from "../../../../src/sim/arrays/scnn.ts";
import { conformanceProperties } from "../../../../src/sim/conformance/conformance.ts";

const published: ScnnParams = {
  ...{ peRows: 8, peColumns: 8, activations: 4, weights: 4, accumulators: 6144, banks: 32 },
  ...{ batch: "image", foldLinear: true, skipping: true },
};
const large: ScnnParams = { ...published, peRows: 16, peColumns: 16, foldLinear: false };
const many: ScnnParams = { ...published, arrays: 5, peRows: 2, peColumns: 1, weightGradient: "positions" };
const odd: ScnnParams = {
  ...published,
  peRows: 2,
  peColumns: 3,
  activations: 3,
  weights: 2,
  accumulators: 40,
  banks: 12,
};

function faultsOf(params: ScnnParams): string[] {
  return conformanceProperties(scnn, params).flatMap(({ name, check }) => {
    try {
      check();
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });
}

const SLOWED_BY_CONFLICTS = /density 1: .*cycles > base/;
const CONFLICTS_WITHOUT_ZEROS = /equals the array without skipping: cycles/;

test.each([published, large, many])(
  "the published array, setting %#, is slower than without skipping at most where there is no zero",
  (params) => {
    expect(faultsOf(params).filter((fault) => !SLOWED_BY_CONFLICTS.test(fault))).toEqual([]);
  },
);

test("an array with few banks conflicts without any zero too, and keeps every other law", () => {
  const others = faultsOf(odd).filter((fault) => !SLOWED_BY_CONFLICTS.test(fault));
  expect(others.filter((fault) => !CONFLICTS_WITHOUT_ZEROS.test(fault))).toEqual([]);
});

test.each([published, many, odd])("without skipping, setting %#, every law is kept", (params) => {
  expect(faultsOf(scnn.withoutSkipping(params))).toEqual([]);
});
