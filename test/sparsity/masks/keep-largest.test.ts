import fc from "fast-check";
import { expect, test } from "vitest";
import { keepLargest } from "../../../src/sparsity/masks/keep-largest.ts";

/** Few different values, so that ties are everywhere; NaN counts as the largest. */
const values = fc.array(fc.constantFrom(-2, -1, -0, 0, 0.5, 1, 2, Number.NaN), { minLength: 1, maxLength: 40 });

test("marks what a sort by magnitude and then by index puts first, of the elements it may choose from", () => {
  fc.assert(
    fc.property(
      values,
      fc.infiniteStream(fc.boolean()),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, may, share) => {
        const among = Uint8Array.from(list, () => Number(may.next().value));
        const candidates = [...list.keys()].filter((i) => among[i] === 1);
        const count = Math.floor(share * candidates.length);
        const magnitude = (i: number) => (Number.isNaN(list[i]) ? Infinity : Math.abs(list[i]));
        const first = candidates.sort((a, b) => magnitude(b) - magnitude(a) || a - b).slice(0, count);
        const kept = new Uint8Array(list.length).fill(7);
        keepLargest(Float32Array.from(list), count, kept, among);
        expect(Array.from(kept)).toEqual(list.map((_, i) => Number(first.includes(i))));
      },
    ),
  );
});

test("chooses from all elements where none are named", () => {
  const kept = new Uint8Array(4);
  keepLargest(Float32Array.of(1, -3, 3, 2), 2, kept);
  expect(Array.from(kept)).toEqual([0, 1, 1, 0]);
});
