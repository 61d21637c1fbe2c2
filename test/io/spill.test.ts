import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Spill } from "../../src/io/spill.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const item = fc.record({ text: fc.string({ unit: "binary" }), numbers: fc.array(fc.double({ noNaN: true })) });

it("items are there in their order, whatever the order they came in and however few memory holds", async () => {
  const folder = await temporaryFolder();
  const lists = fc.array(fc.array(fc.option(item), { maxLength: 40 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 50 }), fc.infiniteStream(fc.nat()), (all, mostHeld, draws) => {
      const spill = new Spill([folder], mostHeld);
      const spilled = all.map((items) => spill.list<object>(items.length));
      const sets = all.flatMap((items, l) =>
        items.flatMap((of, index) => (of === null ? [] : [{ l, index, of, key: draws.next().value }])),
      );
      sets.sort((a, b) => a.key - b.key);
      for (const { l, index, of } of sets) {
        spilled[l].set(index, of);
        expect(spilled[l].get(index)).toBe(of);
      }
      expect(spill.isUsed).toBe(sets.length > mostHeld);
      for (const [l, items] of all.entries()) {
        const rows = spilled[l].rows();
        const plain = JSON.parse(JSON.stringify(items.filter((of) => of !== null))) as object[];
        expect(JSON.parse(JSON.stringify([...rows]))).toEqual(plain);
        expect(rows.length).toBe(plain.length);
        expect(JSON.parse(JSON.stringify(plain.map((_, at) => rows.at(at))))).toEqual(plain);
        expect(rows.at(plain.length)).toBeUndefined();
      }
      // What memory holds is the object itself, what was written is a copy; the last of each list is held in any case.
      const held = sets.filter(({ l, index, of }) => spilled[l].get(index) === of);
      expect(held.length).toBeLessThanOrEqual(Math.max(mostHeld, all.length));
      spill.close();
    }),
  );
});

it("an item may be longer than what is read at once", async () => {
  const spill = new Spill([await temporaryFolder()], 1);
  const list = spill.list<{ text: string }>(4);
  const texts = [1e6, 3, 5e5, 7].map((length) => "ä".repeat(length));
  for (const [index, text] of texts.entries()) list.set(index, { text });
  expect([...list.rows()].map(({ text }) => text)).toEqual(texts);
  spill.close();
});

it("the file has no name, lies in the first folder that is there, and is not made for few items", async () => {
  const folder = await temporaryFolder();
  const spill = new Spill([join(folder, "missing"), folder], 1);
  const list = spill.list<object>(2);
  list.set(0, {});
  expect(spill.isUsed).toBe(false);
  list.set(1, {});
  expect(spill.isUsed).toBe(true);
  if (process.platform !== "win32") expect(await readdir(folder)).toEqual([]);
  spill.close();
  expect(await readdir(folder)).toEqual([]);
});

it("no folder that is there is a fault that names the last", async () => {
  const list = new Spill(["/nowhere/a", "/nowhere/b"], 1).list<object>(2);
  list.set(0, {});
  expect(await faultsOf(() => list.set(1, {}))).toEqual([expect.stringMatching(/^\/nowhere\/b: no temporary file/)]);
});
