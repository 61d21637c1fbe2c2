/** What the fuzzer draws: odd shapes, masks from a seed, and any legal parameters of an accelerator. */
import fc from "fast-check";
import { type BitMask, onesMask, setBit, sliceSize, zerosMask } from "../../../src/core/bit-mask.ts";
import { denseMacs } from "../../../src/core/dense-macs.ts";
import {
  type ConvGeometry,
  inputShape,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../../src/core/geometry.ts";
import { OPERANDS_OF, type Operation, PASSES, type Pass, withMasks } from "../../../src/sim/operation/operation.ts";
import type { Multiplication } from "../../../src/trace/manifest.ts";

/** An operation as plain values, so that a failing one can be printed and replayed. */
export interface FuzzCase {
  readonly pass: Pass;
  readonly geometry: ConvGeometry;
  /** Shares of ones of the first and the second operand of the pass. */
  readonly densities: readonly [number, number];
  readonly maskSeed: number;
  readonly paddingAsNonzeros: boolean;
}

/** 1 half of the time, so that single pixels, 1×1 kernels and plain strides meet everything else. */
const often1 = (max: number) => fc.oneof(fc.constant(1), fc.integer({ min: 1, max }));
const padding = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 }));
const axis = fc.record({
  ...{ size: often1(9), kernel: often1(5), stride: often1(6), dilation: often1(4), before: padding, after: padding },
});
/** A literal model takes a MAC at a time. */
const MOST_MACS = 12_000;

/** Strides beyond the kernel, paddings beyond the image, dilated and grouped: whatever has an output. */
const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({
    ...{ N: often1(3), groups: often1(3), vertical: axis, horizontal: axis },
    ...{ channels: fc.oneof(often1(7), fc.constant(37)), filters: fc.oneof(often1(7), fc.constant(35)) },
  })
  .map(
    ({ N, groups, channels, filters, vertical: v, horizontal: h }): ConvGeometry => ({
      ...{ N, C: channels * groups, H: v.size, W: h.size, K: filters * groups, R: v.kernel, S: h.kernel, groups },
      ...{ stride: [v.stride, h.stride], dilation: [v.dilation, h.dilation] },
      padding: [v.before, v.after, h.before, h.after],
    }),
  )
  .filter((g) => outputHeight(g) >= 1 && outputWidth(g) >= 1 && denseMacs(g) <= MOST_MACS);

const density = fc.constantFrom(0, 0.05, 0.3, 0.6, 1);

/** Cases of every pass. */
export const fuzzCases: fc.Arbitrary<FuzzCase> = fc.record({
  pass: fc.constantFrom<Pass>(...PASSES),
  geometry: geometries,
  densities: fc.tuple(density, density),
  maskSeed: fc.nat(0xffff),
  paddingAsNonzeros: fc.boolean(),
});

const SHAPE_OF = { input: inputShape, weight: weightShape, outputGrad: outputShape } as const;

/** Each pass, its operands under their own names. */
export const MULTIPLICATIONS = {
  forward: { pass: "forward", operands: { input: "input", weight: "weight" } },
  inputGrad: { pass: "inputGrad", operands: { outputGrad: "outputGrad", weight: "weight" } },
  weightGrad: { pass: "weightGrad", operands: { outputGrad: "outputGrad", input: "input" } },
} as const satisfies Readonly<Record<Pass, Multiplication>>;

/** The operation of a case, always the same. */
export function operationOf({ pass, geometry, densities, maskSeed, paddingAsNonzeros }: FuzzCase): Operation {
  const masks = OPERANDS_OF[pass].map(
    (operand, i) => [operand, randomMask(SHAPE_OF[operand](geometry), densities[i], maskSeed * 2 + i + 1)] as const,
  );
  return withMasks({ pass, layer: "fuzz", geometry, topKPeriod: 1, paddingAsNonzeros }, masks);
}

function randomMask(shape: readonly number[], ones: number, seed: number): BitMask {
  if (ones === 1) return onesMask(shape);
  const mask = zerosMask(shape);
  // Marsaglia's xorshift32, spread by a prime so that neighbouring seeds part at once.
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let slice = 0; slice < shape[0]; slice++) {
    for (let i = 0; i < sliceSize(shape); i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      if ((state >>> 0) / 2 ** 32 < ones) setBit(mask, slice, i);
    }
  }
  return mask;
}
