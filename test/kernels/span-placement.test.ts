import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeSpans, type Span } from "../../src/kernels/span-placement.ts";

const span = fc
  .tuple(fc.nat(20), fc.nat(30), fc.nat(10))
  .map(([bytes, from, length]): Span => ({ bytes: 16 * bytes, from, to: from + length }));

describe("spans placed in one piece of memory", () => {
  it("never overlap while both are in use", () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 25 }), (spans) => {
        const { offsets, bytes } = placeSpans(spans);
        for (const [i, a] of spans.entries()) {
          expect(offsets[i] % 16).toBe(0);
          expect(offsets[i] + a.bytes).toBeLessThanOrEqual(bytes);
          for (const [j, b] of spans.entries()) {
            if (i === j || a.from > b.to || b.from > a.to) continue;
            expect(offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i]).toBe(true);
          }
        }
      }),
    );
  });

  it("take no more than what is in use at the busiest time where each follows another", () => {
    const chain = [64, 48, 96, 32, 80].map((bytes, i): Span => ({ bytes, from: i, to: i + 1 }));
    const busiest = Math.max(...chain.map(({ bytes }, i) => bytes + (chain[i + 1]?.bytes ?? 0)));
    expect(placeSpans(chain).bytes).toBe(busiest);
    expect(placeSpans(chain.map((one) => ({ ...one, to: one.from }))).bytes).toBe(96);
  });

  it("take everything side by side where all are in use at once, and nothing where there is none", () => {
    expect(placeSpans([16, 32, 48].map((bytes) => ({ bytes, from: 0, to: 1 }))).bytes).toBe(96);
    expect(placeSpans([])).toEqual({ offsets: [], bytes: 0 });
  });
});
