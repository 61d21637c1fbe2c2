import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitmapTileFaults, denseTileFaults, tileCases } from "../../fuzz/tile-traffic.ts";

describe("traffic of fixed tiles", () => {
  it("is that of the loops, run one turn after another, to the byte", () => {
    fc.assert(
      fc.property(tileCases, (one) => {
        expect(denseTileFaults(one)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });

  it("is, of bitmaps, their own nonzeros and a share of the index, and dense where that is no larger", () => {
    fc.assert(
      fc.property(tileCases, (one) => {
        expect(bitmapTileFaults(one)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });
});
