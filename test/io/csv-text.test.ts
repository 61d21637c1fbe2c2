import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, it } from "vitest";
import { csvParts, csvText } from "../../src/io/csv-text.ts";

const cell = fc.oneof(fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string());

it("a table in parts has the bytes of one at once, however many records it has", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1501 }), fc.tuple(cell, cell), (count, record) => {
      const records = Array.from({ length: count }, (_, at) => [at, ...record]);
      const parts = [...csvParts(["at", "a", "b"], records)];
      const objects = records.map(([at, a, b]) => ({ at, a, b }));
      expect(parts.join("")).toBe(count === 0 ? "" : csvText(objects));
      expect(parts.length).toBe(Math.ceil((count === 0 ? 0 : count + 1) / 500));
    }),
    { numRuns: 40 },
  );
});

it("a cell that a spreadsheet would compute, or that drives a terminal, is text in every part", () => {
  const records = Array.from({ length: 1001 }, (_, at) => [at, "=1+1", "\u001b[2J", -1]);
  const read: string[][] = parse([...csvParts(["at", "formula", "control", "number"], records)].join(""));
  expect(read).toHaveLength(1002);
  for (const [, ...cells] of read.slice(1)) expect(cells).toEqual(["'=1+1", "\\u001b[2J", "-1"]);
});
