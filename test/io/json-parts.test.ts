import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonParts } from "../../src/io/json-parts.ts";

it("JSON in parts is that of JSON.stringify, character by character", () => {
  const values = fc.oneof(
    fc.jsonValue(),
    fc.object({ maxDepth: 6, values: [fc.string(), fc.double(), fc.constant(undefined)] }),
  );
  fc.assert(
    fc.property(values, fc.constantFrom(0, 2), (value, spaces) => {
      expect([...jsonParts(value, { spaces })].join("")).toBe(JSON.stringify(value, null, spaces));
    }),
  );
});

it("a long list comes in many parts of one size", () => {
  const parts = [
    ...jsonParts({ machines: [{ rows: Array.from({ length: 2e4 }, (_, at) => ({ at })) }] }, { spaces: 2 }),
  ];
  expect(parts.length).toBeGreaterThan(10);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(2 ** 17);
});
