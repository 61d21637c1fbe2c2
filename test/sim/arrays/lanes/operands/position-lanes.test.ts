/** Gathering output positions into lane words, against a loop over elements. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { getBit, maskOfNonzeros } from "../../../../../src/core/bit-mask.ts";
import { gatherPositions } from "../../../../../src/sim/arrays/lanes/operands/position-lanes.ts";

const cases = fc.record({
  lanes: fc.integer({ min: 1, max: 32 }),
  images: fc.integer({ min: 1, max: 2 }),
  H: fc.integer({ min: 1, max: 5 }),
  W: fc.integer({ min: 1, max: 70 }),
  P: fc.integer({ min: 1, max: 5 }),
  Q: fc.integer({ min: 1, max: 70 }),
  startY: fc.integer({ min: -2, max: 2 }),
  startX: fc.integer({ min: -3, max: 3 }),
  stepY: fc.integer({ min: 1, max: 2 }),
  stepX: fc.integer({ min: 1, max: 2 }),
  solid: fc.boolean(),
  bits: fc.infiniteStream(fc.integer({ min: 0, max: 1 })),
});

test("every position is the bit of its element, whatever the width and the lanes", () => {
  fc.assert(
    fc.property(cases, ({ lanes, images, H, W, P, Q, startY, startX, stepY, stepX, solid, bits }) => {
      const channels = 3;
      const values = Uint8Array.from({ length: images * channels * H * W }, () => bits.next().value);
      const mask = maskOfNonzeros(values, [images, channels, H, W]);
      const grid = { P, Q, startY, startX, stepY, stepX };
      const positions = images * P * Q;
      const buffer = new Int32Array(Math.ceil(positions / lanes) * 2);
      gatherPositions({ mask, firstImage: 0, images, channel: 1 }, grid, solid, { buffer, row: 1, rows: 2, lanes });
      for (let i = 0; i < positions; i++) {
        const [n, p, q] = [Math.floor(i / (P * Q)), Math.floor(i / Q) % P, i % Q];
        const [y, x] = [startY + p * stepY, startX + q * stepX];
        const inside = y >= 0 && y < H && x >= 0 && x < W;
        const expected = inside ? getBit(mask, n, (H + y) * W + x) : solid;
        expect((buffer[2 * Math.floor(i / lanes) + 1] >>> (i % lanes)) & 1, `position ${i}`).toBe(Number(expected));
      }
    }),
    { numRuns: 300 },
  );
});
