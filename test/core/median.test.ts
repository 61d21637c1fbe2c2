import { expect, it } from "vitest";
import { median } from "../../src/core/median.ts";

it("a median is the middle number or the mean of the two in the middle, and null without numbers", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null]);
});
