/** The operands of a lane array as its lanes see them, held against the plain loops of a convolution. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { type BitMask, getBit, onesMask, setBit, zerosMask } from "../../../../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../../../../src/core/geometry.ts";
import { gatherPositions } from "../../../../../src/sim/arrays/lanes/operands/position-lanes.ts";
import { gatherWindows, sourceLanes } from "../../../../../src/sim/arrays/lanes/operands/source-lanes.ts";
import { foldStridedWeights } from "../../../../../src/sim/arrays/lanes/operands/space-to-depth.ts";
import { gatherFilters, weightLanes } from "../../../../../src/sim/arrays/lanes/operands/weight-lanes.ts";
import { sourceExtent, type WindowGrid, windowGrids } from "../../../../../src/sim/operation/channel-first.ts";
import { geometries } from "../../../../support/geometries.ts";

const LANES = 4;

function randomMask(shape: readonly number[], random: () => number): BitMask {
  const mask = zerosMask(shape);
  const size = shape.slice(1).reduce((product, extent) => product * extent, 1);
  for (let n = 0; n < shape[0]; n++) for (let i = 0; i < size; i++) if (random() < 0.5) setBit(mask, n, i);
  return mask;
}

/** Every (p, q, r · S + s, h, w) of a convolution whose input element lies inside the image, sorted. */
function plainTouches(g: ConvGeometry): string[] {
  const touches: string[] = [];
  for (let p = 0; p < outputHeight(g); p++) {
    for (let q = 0; q < outputWidth(g); q++) {
      for (let r = 0; r < g.R; r++) {
        for (let s = 0; s < g.S; s++) {
          const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
          const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
          if (h >= 0 && h < g.H && w >= 0 && w < g.W) touches.push(`${p},${q},${r * g.S + s},${h},${w}`);
        }
      }
    }
  }
  return touches.sort();
}

function forEachRead(
  grid: WindowGrid,
  visit: (i: number, j: number, kernel: number, y: number, x: number) => void,
): void {
  for (let i = 0; i < grid.height; i++) {
    for (let j = 0; j < grid.width; j++) {
      for (const tap of grid.taps) {
        visit(i, j, tap.kernel, grid.startY + i * grid.stepY + tap.y, grid.startX + j * grid.stepX + tap.x);
      }
    }
  }
}

describe("channel-first windows", () => {
  test("of forward read what the convolution reads", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const touches: string[] = [];
        for (const grid of windowGrids("forward", g)) {
          forEachRead(grid, (p, q, kernel, h, w) => {
            if (h >= 0 && h < g.H && w >= 0 && w < g.W) touches.push(`${p},${q},${kernel},${h},${w}`);
          });
        }
        expect(touches.sort()).toEqual(plainTouches(g));
      }),
    );
  });

  test("of the input gradient's phases read what the transposed convolution reads, each position in one phase", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const touches: string[] = [];
        const [P, Q] = [outputHeight(g), outputWidth(g)];
        for (const grid of windowGrids("inputGrad", g)) {
          forEachRead(grid, (i, j, kernel, p, q) => {
            if (p < 0 || p >= P || q < 0 || q >= Q) return;
            const h = p * g.stride[0] + Math.floor(kernel / g.S) * g.dilation[0] - g.padding[0];
            const w = q * g.stride[1] + (kernel % g.S) * g.dilation[1] - g.padding[2];
            expect([Math.floor(h / g.stride[0]), Math.floor(w / g.stride[1])]).toEqual([i, j]);
            touches.push(`${p},${q},${kernel},${h},${w}`);
          });
        }
        expect(touches.sort()).toEqual(plainTouches(g));
      }),
    );
  });

  test("take taps row by row in ascending source coordinates", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        for (const grid of [...windowGrids("forward", g), ...windowGrids("inputGrad", g)]) {
          const order = grid.taps.map(({ y, x }) => y * 1000 + x);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
      }),
    );
  });
});

describe("lane words", () => {
  test("of windows hold the channels of the elements read, and solid padding holds existing channels only", () => {
    fc.assert(
      fc.property(
        geometries,
        fc.constantFrom("forward" as const, "inputGrad" as const),
        fc.boolean(),
        fc.string(),
        (g, pass, solid, seed) => {
          const grids = windowGrids(pass, g);
          const shape = pass === "forward" ? inputShape(g) : outputShape(g);
          if (grids.length === 0) return;
          const mask = randomMask(shape, seedrandom(seed));
          const [N, total, H, W] = shape;
          const channels = total / g.groups;
          const group = g.groups - 1;
          const blocks = Math.ceil(channels / LANES);
          const slice = { mask, firstImage: 0, images: N, firstChannel: group * channels, channels };
          const source = sourceLanes(slice, sourceExtent(pass, g, grids), LANES, solid);
          for (const grid of grids) {
            const windows = N * grid.height * grid.width;
            const buffer = new Int32Array(windows * grid.taps.length * blocks);
            gatherWindows(source, grid, 0, windows, buffer, windows);
            let tapped = 0;
            forEachRead(grid, (i, j, _kernel, y, x) => {
              const t = (tapped++ % grid.taps.length) * blocks;
              const inside = y >= 0 && y < H && x >= 0 && x < W;
              for (let n = 0; n < N; n++) {
                const window = (n * grid.height + i) * grid.width + j;
                for (let lane = 0; lane < blocks * LANES; lane++) {
                  const exists = lane < channels;
                  const index = ((group * channels + lane) * H + y) * W + x;
                  const expected = exists && (inside ? getBit(mask, n, index) : solid);
                  const word = buffer[(t + Math.floor(lane / LANES)) * windows + window];
                  expect(((word >> (lane % LANES)) & 1) === 1).toBe(expected);
                }
              }
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("of filters hold the weights that the pass reduces over, absent rows zero", () => {
    fc.assert(
      fc.property(
        geometries,
        fc.constantFrom("forward" as const, "inputGrad" as const),
        fc.string(),
        (g, pass, seed) => {
          const mask = randomMask(weightShape(g), seedrandom(seed));
          const inputs = g.C / g.groups;
          const outputs = g.K / g.groups;
          const group = g.groups - 1;
          const weights = weightLanes(mask, g, pass, group, LANES);
          const rows = weights.filters + 1;
          for (const { taps } of windowGrids(pass, g)) {
            const buffer = new Int32Array(taps.length * weights.blocks * rows).fill(-1);
            gatherFilters(weights, taps, 0, weights.filters, buffer, rows);
            taps.forEach(({ kernel }, tap) => {
              for (let row = 0; row < rows; row++) {
                for (let lane = 0; lane < weights.blocks * LANES; lane++) {
                  const [k, c] = pass === "forward" ? [row, lane] : [lane, row];
                  const exists = k < outputs && c < inputs;
                  const word = buffer[(tap * weights.blocks + Math.floor(lane / LANES)) * rows + row];
                  const expected = exists && getBit(mask, group * outputs + k, c * g.R * g.S + kernel);
                  expect(((word >> (lane % LANES)) & 1) === 1).toBe(expected);
                }
              }
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("of positions hold the input element of each output position, image after image", () => {
    fc.assert(
      fc.property(geometries, fc.boolean(), fc.string(), (g, solid, seed) => {
        const [P, Q] = [outputHeight(g), outputWidth(g)];
        if (P <= 0 || Q <= 0) return;
        const mask = randomMask(inputShape(g), seedrandom(seed));
        const [r, s, c] = [g.R - 1, g.S - 1, g.C - 1];
        const startY = r * g.dilation[0] - g.padding[0];
        const startX = s * g.dilation[1] - g.padding[2];
        const grid = { P, Q, startY, startX, stepY: g.stride[0], stepX: g.stride[1] };
        const buffer = new Int32Array(Math.ceil((g.N * P * Q) / LANES) * 2);
        const source = { mask, firstImage: 0, images: g.N, channel: c };
        gatherPositions(source, grid, solid, { buffer, row: 1, rows: 2, lanes: LANES });
        for (let i = 0; i < g.N * P * Q; i++) {
          const n = Math.floor(i / (P * Q));
          const h = startY + (Math.floor(i / Q) % P) * g.stride[0];
          const w = startX + (i % Q) * g.stride[1];
          const inside = h >= 0 && h < g.H && w >= 0 && w < g.W;
          const expected = inside ? getBit(mask, n, (c * g.H + h) * g.W + w) : solid;
          expect(((buffer[Math.floor(i / LANES) * 2 + 1] >> (i % LANES)) & 1) === 1).toBe(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("space-to-depth", () => {
  test("keeps the output, and every weight lands where the folded image holds the element it multiplied", () => {
    fc.assert(
      fc.property(geometries, fc.string(), (geometry, seed) => {
        const g = { ...geometry, C: geometry.C / geometry.groups, groups: 1 };
        const weight = randomMask(weightShape(g), seedrandom(seed));
        const masks = { weight, input: onesMask(inputShape(g)) };
        const { geometry: to, weight: folded } = foldStridedWeights(
          { pass: "forward", layer: "layer", geometry: g, masks, topKPeriod: 1 },
          64,
        );
        const [sv, sh] = g.stride;
        if ((sv === 1 && sh === 1) || outputHeight(g) <= 0 || outputWidth(g) <= 0) {
          expect(to).toBe(g);
          expect(folded).toBe(weight);
          return;
        }
        expect([outputHeight(to), outputWidth(to)]).toEqual([outputHeight(g), outputWidth(g)]);
        for (let k = 0; k < g.K; k++) {
          for (let channel = 0; channel < to.C; channel++) {
            for (let i = 0; i < to.R * to.S; i++) {
              const c = channel % g.C;
              const h = Math.floor(i / to.S) * sv + Math.floor(channel / (sh * g.C));
              const w = (i % to.S) * sh + (Math.floor(channel / g.C) % sh);
              const r = h / g.dilation[0];
              const s = w / g.dilation[1];
              const exists = Number.isInteger(r) && Number.isInteger(s) && r < g.R && s < g.S;
              const expected = exists && getBit(weight, k, (c * g.R + r) * g.S + s);
              expect(getBit(folded, k, channel * to.R * to.S + i)).toBe(expected);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
