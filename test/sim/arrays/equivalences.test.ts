/**
 * The same work said in two ways costs the same: what lies outside the golden cases (groups, dilation, per-axis stride,
 * four-sided padding, batches) is translated into ungrouped, unpadded, unit-stride forward passes, which the goldens cover.
 */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { type BitMask, getBit, setBit, sliceSize, zerosMask } from "../../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../../src/core/geometry.ts";
import { bitTactical } from "../../../src/sim/arrays/bit-tactical.ts";
import { dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { type TensorDashParams, tensordash } from "../../../src/sim/arrays/tensordash.ts";
import type { Accelerator, ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { type Operand, type Operation, PASSES, type Pass } from "../../../src/sim/operation/operation.ts";
import { geometries } from "../../support/geometries.ts";

const ARRAY = { lanes: 4, rows: 3, columns: 2, batch: "image", dealing: "filters" } as const;
const T23 = { lookahead: 2, lookaside: 3, shape: "T" } as const;

type Side = "streamed" | "stationary" | "both";

function dash(side: Side, tiles = 1): TensorDashParams {
  const operand =
    side === "streamed"
      ? ({ forward: "input", inputGrad: "outputGrad", weightGrad: "input" } as const)
      : ({ forward: "weight", inputGrad: "weight", weightGrad: "outputGrad" } as const);
  return { ...ARRAY, ...T23, tiles, banks: 8, sides: side === "both" ? "two" : "one", operand };
}

/** Machines to compare on: each runs an operation. */
const MACHINES: Readonly<Record<string, (operation: Operation, tiles?: number) => ComputeResult>> = {
  dadiannao: on(dadiannao, { ...ARRAY, foldStridedInput: 0 }),
  "bit-tactical": on(bitTactical, { ...ARRAY, ...T23, foldStridedInput: 0, reschedulingCyclesPerLine: 1 }),
  "tensordash on its streamed operand": (operation, tiles) => tensordash.run(operation, dash("streamed", tiles)),
  "tensordash on its stationary operand": (operation, tiles) => tensordash.run(operation, dash("stationary", tiles)),
  "tensordash on both operands": (operation, tiles) => tensordash.run(operation, dash("both", tiles)),
};

function on<Schema extends Accelerator["params"]>(machine: Accelerator<Schema>, params: object) {
  return (operation: Operation, tiles = 1) =>
    machine.run(operation, { ...params, tiles } as Parameters<typeof machine.run>[1]);
}

function randomMask(shape: readonly number[], random: () => number): BitMask {
  const density = random();
  const mask = zerosMask(shape.map((extent) => Math.max(0, extent)));
  for (let n = 0; n < shape[0]; n++)
    for (let i = 0; i < sliceSize(shape); i++) if (random() < density) setBit(mask, n, i);
  return mask;
}

/** With masks of all three tensors. */
function operationOf<P extends Pass>(pass: P, geometry: ConvGeometry, seed: string) {
  const random = seedrandom(seed);
  const masks = {
    weight: randomMask(weightShape(geometry), random),
    input: randomMask(inputShape(geometry), random),
    outputGrad: randomMask(outputShape(geometry), random),
  };
  return { pass, layer: "layer", geometry, masks, topKPeriod: 1 };
}

/** A mask of `shape` whose element at (a, b, y, x) is `element(a, b, y, x)`. */
function maskBy(
  shape: readonly [number, number, number, number],
  element: (a: number, b: number, y: number, x: number) => boolean,
): BitMask {
  const mask = zerosMask(shape);
  const [A, B, H, W] = shape;
  for (let a = 0; a < A; a++) {
    for (let i = 0; i < B * H * W; i++) {
      if (element(a, Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W)) setBit(mask, a, i);
    }
  }
  return mask;
}

/** Element (a, b, y, x) of a mask; `outside` beyond its spatial bounds. */
function at(mask: BitMask, a: number, b: number, y: number, x: number, outside = false): boolean {
  const [, , H, W] = mask.shape;
  return y < 0 || y >= H || x < 0 || x >= W ? outside : getBit(mask, a, (b * H + y) * W + x);
}

/** What must be equal. */
function costs(results: readonly ComputeResult[]) {
  const sum = (count: (result: ComputeResult) => number) => results.reduce((total, result) => total + count(result), 0);
  return {
    cycles: sum((r) => r.cycles),
    base: sum((r) => r.baseCycles),
    ideal: sum((r) => r.packedCycles),
    scheduledPEs: sum((r) => r.counters.scheduledPEs),
    writes: sum((r) => r.onChipWrites),
  };
}

const hasOutput = (g: ConvGeometry) => outputHeight(g) > 0 && outputWidth(g) > 0;
const seeds = fc.string();
const tileCounts = fc.integer({ min: 1, max: 3 });
const UNIT = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 } as const;

describe.each(Object.entries(MACHINES))("%s", (_name, run) => {
  test.each(PASSES)("runs the groups of %s as operations one after the other", (pass) => {
    fc.assert(
      fc.property(geometries, seeds, tileCounts, (g, seed, tiles) => {
        const whole = operationOf(pass, { ...g, N: 1 }, seed);
        const inputs = g.C / g.groups;
        const outputs = g.K / g.groups;
        const parts = Array.from({ length: g.groups }, (_, group): Operation => {
          const cut = (operand: Operand, outer: number, channels: number): BitMask => {
            const mask = whole.masks[operand];
            const perSlice = operand === "weight" ? 0 : group * channels;
            const first = operand === "weight" ? group * outputs : 0;
            const [, , H, W] = mask.shape;
            return maskBy([outer, channels, H, W], (a, b, y, x) => at(mask, first + a, perSlice + b, y, x));
          };
          return {
            ...whole,
            geometry: { ...g, N: 1, C: inputs, K: outputs, groups: 1 },
            masks: {
              weight: cut("weight", outputs, inputs),
              input: cut("input", 1, inputs),
              outputGrad: cut("outputGrad", 1, outputs),
            },
          };
        });
        expect(costs([run(whole, tiles)])).toEqual(costs(parts.map((part) => run(part, tiles))));
      }),
      { numRuns: 40 },
    );
  });

  test.each(PASSES)("runs the images of %s one after the other", (pass) => {
    fc.assert(
      fc.property(geometries, seeds, tileCounts, (g, seed, tiles) => {
        const whole = operationOf(pass, g, seed);
        const parts = Array.from({ length: g.N }, (_, n): Operation => {
          const slice = (mask: BitMask) => {
            const [, B, H, W] = mask.shape;
            return maskBy([1, B, H, W], (_a, b, y, x) => at(mask, n, b, y, x));
          };
          const { weight, input, outputGrad } = whole.masks;
          const masks = { weight, input: slice(input), outputGrad: slice(outputGrad) };
          return { ...whole, geometry: { ...g, N: 1 }, masks };
        });
        expect(costs([run(whole, tiles)])).toEqual(costs(parts.map((part) => run(part, tiles))));
      }),
      { numRuns: 40 },
    );
  });

  test("takes padded, strided and dilated windows as the unfolded matrix of a 1×1 convolution with one channel block", () => {
    fc.assert(
      fc.property(geometries, seeds, tileCounts, fc.boolean(), (geometry, seed, tiles, paddingAsNonzeros) => {
        const g = { ...geometry, N: 1, groups: 1, C: ARRAY.lanes, K: geometry.K / geometry.groups };
        if (!hasOutput(g)) return;
        const { masks, ...operation } = operationOf("forward", g, seed);
        const { weight, input } = masks;
        const [P, Q, taps] = [outputHeight(g), outputWidth(g), g.R * g.S];
        const geometryOfMatrix = { N: 1, C: taps * g.C, H: P, W: Q, K: g.K, R: 1, S: 1, ...UNIT };
        const unfolded = maskBy([1, taps * g.C, P, Q], (_a, channel, p, q) => {
          const tap = Math.floor(channel / g.C);
          const h = p * g.stride[0] + Math.floor(tap / g.S) * g.dilation[0] - g.padding[0];
          const w = q * g.stride[1] + (tap % g.S) * g.dilation[1] - g.padding[2];
          return at(input, 0, channel % g.C, h, w, paddingAsNonzeros);
        });
        const rows = maskBy([g.K, taps * g.C, 1, 1], (k, channel) => {
          const tap = Math.floor(channel / g.C);
          return at(weight, k, channel % g.C, Math.floor(tap / g.S), tap % g.S);
        });
        const matrix = { ...operation, geometry: geometryOfMatrix, masks: { input: unfolded, weight: rows } };
        expect(costs([run({ ...operation, masks, paddingAsNonzeros }, tiles)])).toEqual(costs([run(matrix, tiles)]));
      }),
      { numRuns: 60 },
    );
  });

  test("takes an input gradient as forward passes of outputGrad, one for each phase of the stride", () => {
    fc.assert(
      fc.property(geometries, seeds, tileCounts, fc.boolean(), (geometry, seed, tiles, paddingAsNonzeros) => {
        const g = { ...geometry, N: 1, groups: 1, C: geometry.C / geometry.groups, K: ARRAY.lanes };
        if (!hasOutput(g)) return;
        const { masks, ...operation } = operationOf("inputGrad", g, seed);
        const { weight, outputGrad } = masks;
        const phases: ComputeResult[] = [];
        for (let a = 0; a < Math.min(g.stride[0], g.H); a++) {
          for (let b = 0; b < Math.min(g.stride[1], g.W); b++) {
            const H = Math.ceil((g.H - a) / g.stride[0]);
            const W = Math.ceil((g.W - b) / g.stride[1]);
            // The kernel positions of the phase, rotated: (r, s) reads outputGrad at ((h + padding − r · dilation) / stride).
            const taps: { r: number; s: number; y: number; x: number }[] = [];
            for (let r = g.R - 1; r >= 0; r--) {
              for (let s = g.S - 1; s >= 0; s--) {
                const y = (a + g.padding[0] - r * g.dilation[0]) / g.stride[0];
                const x = (b + g.padding[2] - s * g.dilation[1]) / g.stride[1];
                if (Number.isInteger(y) && Number.isInteger(x)) taps.push({ r, s, y, x });
              }
            }
            if (taps.length === 0) continue;
            const C = taps.length * g.K;
            const input = maskBy([1, C, H, W], (_a, channel, i, j) => {
              const { y, x } = taps[Math.floor(channel / g.K)];
              return at(outputGrad, 0, channel % g.K, i + y, j + x, paddingAsNonzeros);
            });
            const kernel = maskBy([g.C, C, 1, 1], (c, channel) => {
              const { r, s } = taps[Math.floor(channel / g.K)];
              return at(weight, channel % g.K, c, r, s);
            });
            const forward = { N: 1, C, H, W, K: g.C, R: 1, S: 1, ...UNIT };
            phases.push(
              run({ ...operation, pass: "forward", geometry: forward, masks: { input, weight: kernel } }, tiles),
            );
          }
        }
        expect(costs([run({ ...operation, masks, paddingAsNonzeros }, tiles)])).toEqual(costs(phases));
      }),
      { numRuns: 60 },
    );
  });
});

describe("weight gradient of tensordash", () => {
  test.each(["streamed", "stationary", "both"] as const)(
    "is a matrix product over the output positions, skipping the zeros of: %s",
    (side) => {
      fc.assert(
        fc.property(geometries, seeds, tileCounts, fc.boolean(), (geometry, seed, tiles, paddingAsNonzeros) => {
          // Whole sets of input channels, so that kernel positions follow one another without a gap.
          const C = side === "streamed" ? ARRAY.rows : ARRAY.columns;
          const g = { ...geometry, groups: 1, C, K: geometry.K / geometry.groups };
          if (!hasOutput(g)) return;
          const { masks, ...operation } = operationOf("weightGrad", g, seed);
          const { input, outputGrad } = masks;
          const [P, Q] = [outputHeight(g), outputWidth(g)];
          const positions = g.N * P * Q;
          const windows = maskBy([1, positions, g.R * g.S * C, 1], (_a, i, row) => {
            const tap = Math.floor(row / C);
            const h = (Math.floor(i / Q) % P) * g.stride[0] + Math.floor(tap / g.S) * g.dilation[0] - g.padding[0];
            const w = (i % Q) * g.stride[1] + (tap % g.S) * g.dilation[1] - g.padding[2];
            return at(input, Math.floor(i / (P * Q)), row % C, h, w, paddingAsNonzeros);
          });
          const filters = maskBy([g.K, positions, 1, 1], (k, i) =>
            at(outputGrad, Math.floor(i / (P * Q)), k, Math.floor(i / Q) % P, i % Q),
          );
          const product = { N: 1, C: positions, H: g.R * g.S * C, W: 1, K: g.K, R: 1, S: 1, ...UNIT };
          const forward: Operation = {
            ...{ ...operation, pass: "forward", geometry: product },
            masks: { input: windows, weight: filters },
          };
          const folded = { ...dash(side, tiles), batch: "fold" } as const;
          const gradient = tensordash.run({ ...operation, masks, paddingAsNonzeros }, folded);
          expect(costs([gradient])).toEqual(costs([tensordash.run(forward, folded)]));
        }),
        { numRuns: 80 },
      );
    },
  );
});
