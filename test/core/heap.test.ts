import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "../../src/core/heap.ts";

describe("a heap", () => {
  it("gives what was added in order, also when items come in between", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined })), (steps) => {
        const heap = new Heap<number>((a, b) => a < b);
        const plain: number[] = [];
        for (const item of steps) {
          if (item === undefined) {
            heap.removeFirst();
            plain.shift();
          } else {
            heap.add(item);
            plain.push(item);
            plain.sort((a, b) => a - b);
          }
          expect(heap.first).toBe(plain[0]);
        }
      }),
    );
  });
});
