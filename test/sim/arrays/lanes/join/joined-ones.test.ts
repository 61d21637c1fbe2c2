/** Rows joined in WebAssembly and word by word have the same ones in common. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { inWords, joinedOnes } from "../../../../../src/sim/arrays/lanes/join/joined-ones.ts";

const shapes = fc.record({ count: fc.integer({ min: 0, max: 9 }), words: fc.integer({ min: 0, max: 11 }) });

test("vectors and words find the same ones, for rows of any length and one set of rows after another", () => {
  fc.assert(
    fc.property(fc.array(shapes, { minLength: 1, maxLength: 3 }), fc.infiniteStream(fc.integer()), (sets, numbers) => {
      for (const { count, words } of sets) {
        const draw = (length: number) => Int32Array.from({ length }, () => numbers.next().value as number);
        const rows = draw(count * words);
        const [vectors, plain] = [joinedOnes(rows, count, words), inWords(rows, count, words)];
        for (const row of [draw(words), new Int32Array(words), new Int32Array(words).fill(-1)]) {
          expect([...vectors(row)]).toEqual([...plain(row)]);
        }
      }
    }),
    { numRuns: 200 },
  );
});
