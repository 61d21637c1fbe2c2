import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ActivationBox, runsOf } from "../../../src/sim/memory/dram-layout.ts";

const BLOCK = 32;
/** Extents of an activation. */
const H = 4;
const W = 5;

/** Runs of consecutive addresses of a tile that begins at the origin of [N][C / 32][H][W][32], one element after the other. */
function walked({ images, rows, columns, channels }: ActivationBox, C: number): number {
  const addresses: number[] = [];
  const block = Math.min(BLOCK, C);
  const blocks = Math.ceil(C / block);
  for (let n = 0; n < images; n++)
    for (let c = 0; c < channels; c++)
      for (let h = 0; h < rows; h++)
        for (let w = 0; w < columns; w++)
          addresses.push((((n * blocks + Math.floor(c / block)) * H + h) * W + w) * block + (c % block));
  addresses.sort((a, b) => a - b);
  return addresses.filter((address, at) => at === 0 || address !== addresses[at - 1] + 1).length;
}

describe("runs of a tile in DRAM", () => {
  const tiles = fc.record({
    images: fc.integer({ min: 1, max: 3 }),
    rows: fc.integer({ min: 1, max: H }),
    columns: fc.integer({ min: 1, max: W }),
    channels: fc.constantFrom(1, 5, 32, 64, 96),
  });

  it("are those of the layout, walked element by element", () => {
    fc.assert(
      fc.property(tiles, (tile) => {
        expect(runsOf(tile, { channels: 96, rows: H, columns: W })).toBe(walked(tile, 96));
      }),
    );
  });

  it("of few channels in all are rows like others", () => {
    const tile = { images: 1, rows: 2, columns: W, channels: 3 };
    expect(runsOf(tile, { channels: 3, rows: H, columns: W })).toBe(1);
    expect(runsOf({ ...tile, columns: 3 }, { channels: 3, rows: H, columns: W })).toBe(2);
    expect(runsOf(tile, { channels: 4, rows: H, columns: W })).toBe(2 * W);
  });
});
