/** Random geometries, masks and operations for property tests, and a brute-force count over them. */
import fc from "fast-check";
import { type BitMask, getBit, setBit, zerosMask } from "../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../src/core/geometry.ts";
import { OPERANDS_OF, type Operation, PASSES, type Pass, withMasks } from "../../src/sim/operation/operation.ts";

const SHAPE_OF = { input: inputShape, weight: weightShape, outputGrad: outputShape } as const;

const axis = fc.record({
  size: fc.integer({ min: 1, max: 7 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  before: fc.integer({ min: 0, max: 2 }),
  after: fc.integer({ min: 0, max: 2 }),
});

/** Geometries of every kind whose kernel fits the padded input. */
export const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({
    N: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 4 }),
    filters: fc.integer({ min: 1, max: 4 }),
    vertical: axis,
    horizontal: axis,
  })
  .map(
    ({ N, groups, channels, filters, vertical: v, horizontal: h }): ConvGeometry => ({
      N,
      C: channels * groups,
      H: v.size,
      W: h.size,
      K: filters * groups,
      R: v.kernel,
      S: h.kernel,
      stride: [v.stride, h.stride],
      padding: [v.before, v.after, h.before, h.after],
      dilation: [v.dilation, h.dilation],
      groups,
    }),
  )
  .filter((g) => outputHeight(g) >= 1 && outputWidth(g) >= 1);

function masks(shape: readonly number[]): fc.Arbitrary<BitMask> {
  const size = shape.reduce((a, b) => a * b, 1);
  const slice = size / shape[0];
  return fc
    .tuple(
      fc.constantFrom(0, 1, 3, 5, 8),
      fc.array(fc.integer({ min: 0, max: 7 }), { minLength: size, maxLength: size }),
    )
    .map(([cut, draws]) => {
      const mask = zerosMask(shape);
      draws.forEach((draw, i) => {
        if (draw < cut) setBit(mask, Math.floor(i / slice), i % slice);
      });
      return mask;
    });
}

/** A pass over a random geometry with random masks. */
export const operations: fc.Arbitrary<Operation> = fc
  .tuple(geometries, fc.constantFrom<Pass>(...PASSES))
  .chain(([geometry, pass]) => {
    const [a, b] = OPERANDS_OF[pass];
    return fc.tuple(masks(SHAPE_OF[a](geometry)), masks(SHAPE_OF[b](geometry))).map(([first, second]) =>
      withMasks({ pass, layer: "random", geometry, topKPeriod: 1 }, [
        [a, first],
        [b, second],
      ]),
    );
  });

/** Counts (all pairs that exist, pairs of two nonzeros) of the pass, one multiplication at a time. */
export function bruteForceMacs({ pass, geometry: g, masks: m }: Operation): { dense: number; effectual: number } {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const [C, K] = [g.C / g.groups, g.K / g.groups];
  let dense = 0;
  let effectual = 0;
  for (let n = 0; n < g.N; n++) {
    for (let k = 0; k < g.K; k++) {
      const firstChannel = Math.floor(k / K) * C;
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          for (let c = 0; c < C; c++) {
            for (let r = 0; r < g.R; r++) {
              for (let s = 0; s < g.S; s++) {
                const h = p * g.stride[0] - g.padding[0] + r * g.dilation[0];
                const w = q * g.stride[1] - g.padding[2] + s * g.dilation[1];
                if (h < 0 || h >= g.H || w < 0 || w >= g.W) continue;
                dense++;
                const bits = {
                  input: () => getBit(m.input as BitMask, n, ((firstChannel + c) * g.H + h) * g.W + w),
                  weight: () => getBit(m.weight as BitMask, k, (c * g.R + r) * g.S + s),
                  outputGrad: () => getBit(m.outputGrad as BitMask, n, (k * P + p) * Q + q),
                };
                if (OPERANDS_OF[pass].every((operand) => bits[operand]())) effectual++;
              }
            }
          }
        }
      }
    }
  }
  return { dense, effectual };
}
