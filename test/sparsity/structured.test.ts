import { expect, test } from "vitest";
import { structuredPruner, unitSize } from "../../src/sparsity/structured.ts";

const shape = [2, 2, 1, 2] as const;
const weight = Float32Array.of(1, -1, 3, 0, -4, 1, 0, 0.5);

test("a channel is one kernel slice, a filter all slices of an output", () => {
  expect(unitSize("channel", shape)).toBe(2);
  expect(unitSize("filter", shape)).toBe(4);
});

test("the slices of the largest sums stay whole, zeros within them included", () => {
  const output = new Float32Array(8).fill(9);
  expect(structuredPruner(4, 2)(weight, 0.5, output)).toBe(3);
  expect([...output]).toEqual([0, 0, 3, 0, -4, 1, 0, 0]);
});

test("the filter of the largest sum stays whole", () => {
  const output = new Float32Array(8);
  expect(structuredPruner(2, 4)(weight, 0.5, output)).toBe(5.5);
  expect([...output]).toEqual([0, 0, 0, 0, -4, 1, 0, 0.5]);
});

test("units of the same score are all kept", () => {
  const output = new Float32Array(4);
  structuredPruner(4, 1)(Float32Array.of(1, -1, 1, 0.5), 0.75, output);
  expect([...output]).toEqual([1, -1, 1, 0]);
});
