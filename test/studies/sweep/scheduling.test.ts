import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Piece, pieceDispatcher } from "../../../src/studies/sweep/scheduling.ts";

const piece = (trace: string, index: number): Piece => [{ index, machine: 0, trace, values: {} }];

describe("dealing", () => {
  it("gives each piece once, and a trace to a second thread only when all are begun", () => {
    const traces = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(traces, fc.array(fc.nat(3), { maxLength: 40 }), (counts, readies) => {
        const pieces = counts.flatMap((count, trace) => Array.from({ length: count }, (_, i) => piece(`t${trace}`, i)));
        const next = pieceDispatcher(pieces);
        const last: (Piece | undefined)[] = [];
        const dispatched: Piece[] = [];
        const begun = new Set<string>();
        // Whoever is ready when; at the end, the first thread does the rest.
        for (const thread of [...readies, ...pieces.map(() => 0)]) {
          const before = last[thread];
          const given = next(before);
          if (given === undefined) continue;
          const [{ trace }] = given;
          const left = pieces.filter((one) => !dispatched.includes(one));
          if (trace !== before?.[0].trace) {
            expect(left.some(([one]) => one.trace === before?.[0].trace)).toBe(false);
            if (begun.has(trace)) expect(left.every(([one]) => begun.has(one.trace))).toBe(true);
          }
          begun.add(trace);
          dispatched.push(given);
          last[thread] = given;
        }
        expect(new Set(dispatched)).toEqual(new Set(pieces));
        expect(dispatched).toHaveLength(pieces.length);
        expect(next(undefined)).toBe(undefined);
      }),
    );
  });

  it("deals the pieces of a trace in their order", () => {
    const pieces = [piece("a", 0), piece("a", 1), piece("b", 2), piece("a", 3)];
    const next = pieceDispatcher(pieces);
    const order: number[] = [];
    for (let last = next(undefined); last !== undefined; last = next(last)) order.push(last[0].index);
    expect(order).toEqual([0, 1, 3, 2]);
  });
});
