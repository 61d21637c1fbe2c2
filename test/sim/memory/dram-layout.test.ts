import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConvGeometry } from "../../../src/kernels/geometry.ts";
import { runsOf } from "../../../src/sim/memory/dram-layout.ts";
import { INPUT_SIDE, nestShape, OUTPUT_SIDE, type Tile, WEIGHT_SIDE } from "../../../src/sim/memory/loop-nest.ts";

const BLOCK = 32;
const geometry = (C: number, K: number): ConvGeometry => ({
  ...{ N: 3, C, H: 4, W: 5, K, R: 1, S: 1, groups: 1 },
  ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] },
});

/** Runs of consecutive addresses of a tile that begins at the origin of [N][C / 32][H][W][32], one element after the other. */
function walked({ images, rows, columns }: Tile, channels: number, { H, W }: ConvGeometry, C: number): number {
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
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 5 }),
    groups: fc.constant(1),
    channels: fc.constantFrom(1, 5, 32, 64, 96),
    filters: fc.constantFrom(1, 5, 32, 64, 96),
  });

  it("are those of the layout, walked element by element", () => {
    fc.assert(
      fc.property(tiles, fc.constantFrom("forward", "inputGrad", "weightGrad"), (tile, pass) => {
        const g = geometry(96, 96);
        const shape = nestShape(pass, g);
        expect(runsOf(INPUT_SIDE, tile, g, shape)).toBe(walked(tile, tile.channels, g, 96));
        expect(runsOf(OUTPUT_SIDE, tile, g, shape)).toBe(walked(tile, tile.filters, g, 96));
        expect(runsOf(WEIGHT_SIDE, tile, g, shape)).toBe(1);
      }),
    );
  });

  it("of few channels in all are rows like others, and of several groups those of their channels together", () => {
    const tile = { images: 1, rows: 2, columns: 5, groups: 1, channels: 3, filters: 64 };
    const image = geometry(3, 64);
    expect(runsOf(INPUT_SIDE, tile, image, nestShape("forward", image))).toBe(1);
    const depthwise = { ...geometry(64, 64), groups: 64 };
    const group = { ...tile, channels: 1, filters: 1 };
    const shape = nestShape("forward", depthwise);
    expect(runsOf(INPUT_SIDE, group, depthwise, shape)).toBe(2 * 5);
    expect(runsOf(INPUT_SIDE, { ...group, groups: 32 }, depthwise, shape)).toBe(1);
  });
});
