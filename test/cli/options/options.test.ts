import { expect, it } from "vitest";
import { setOf } from "../../../src/cli/options/options.ts";

it.each([
  ["flip,crop", ["crop", "flip"]],
  ["crop,crop", ["crop"]],
  ["flip", ["flip"]],
])("a set %s has each word once, in the order of all", (text, expected) => {
  expect(setOf(["crop", "flip"])(text)).toEqual(expected);
});
