import fc from "fast-check";
import { expect, it } from "vitest";
import { withoutItems } from "../../src/io/json-items.ts";

const PATH = ["machines", "*", "rows"];

/** Items and fields by place, and the rest, of a text that comes in chunks of some length. */
async function taken(text: string, length: number) {
  async function* chunks() {
    for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
  }
  const items: [string, unknown][] = [];
  const others = await withoutItems(chunks(), "r.json", [PATH], (item, { place }) =>
    items.push([place.join(), JSON.parse(item)]),
  );
  return { items, others: JSON.parse(others) as unknown };
}

it("items and the rest are those of the text, however it is cut and laid out", async () => {
  // Rows elsewhere are no items.
  const machine = fc.record(
    {
      rows: fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })),
      name: fc.string(),
      inner: fc.constant({ rows: [2] }),
    },
    { requiredKeys: ["rows"] },
  );
  const results = fc.record({
    note: fc.string(),
    rows: fc.constant([3]),
    machines: fc.array(machine),
    more: fc.jsonValue(),
  });
  await fc.assert(
    fc.asyncProperty(
      results,
      fc.constantFrom(0, 2),
      fc.integer({ min: 1, max: 40 }),
      async (result, spaces, length) => {
        const fields = (rows: object) => Object.entries(rows).map(([key, value]) => ({ [key]: value as unknown }));
        const lists = result.machines.map(({ rows }) => (Array.isArray(rows) ? rows : fields(rows)));
        const { items, others } = await taken(JSON.stringify(result, null, spaces), length);
        expect(items).toEqual(
          JSON.parse(JSON.stringify(lists.flatMap((rows, m) => rows.map((row, r) => [`${m},${r}`, row])))),
        );
        const emptied = result.machines.map((own) => ({ ...own, rows: Array.isArray(own.rows) ? [] : {} }));
        expect(others).toEqual(JSON.parse(JSON.stringify({ ...result, machines: emptied })));
      },
    ),
  );
});

it.each(['{"machines":[{"rows":[1,]}]}', '{"machines":[{"rows":[,1]}]}', '{"machines":[{"rows":[1'])(
  "what is no JSON stays none: %s",
  async (text) => {
    await expect(taken(text, 3)).rejects.toThrow(SyntaxError);
  },
);
