/** SCNN: its products are the effectual ones, its counts those of a walk over every product, and its passes one machine. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BitMask } from "../../../../src/core/bit-mask.ts";
import { getBit, onesMask, setBit, zerosMask } from "../../../../src/core/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputShape,
  weightShape,
} from "../../../../src/core/geometry.ts";
import { bankTable, positionCode, weightCode } from "../../../../src/sim/arrays/cartesian/banks.ts";
import { isLinear } from "../../../../src/sim/arrays/cartesian/fold-linear.ts";
import { jobsOf } from "../../../../src/sim/arrays/cartesian/job.ts";
import { type ScnnParams, scnn } from "../../../../src/sim/arrays/scnn.ts";
import { effectualMacs } from "../../../../src/sim/operation/mac-counts.ts";
import { mapMasks, type Operation, type OperationOf, type Pass } from "../../../../src/sim/operation/operation.ts";
import { operations } from "../../../support/random-operation.ts";
import { bankOf, bruteForceJob } from "./brute-force.ts";

const PUBLISHED: ScnnParams = {
  ...{ peRows: 8, peColumns: 8, activations: 4, weights: 4, accumulators: 6144, banks: 32 },
  ...{ batch: "image", foldLinear: true, skipping: true },
};

const LAYER: ConvGeometry = {
  ...{ N: 2, C: 3, H: 8, W: 8, K: 20, R: 3, S: 3 },
  ...{ stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 },
};

const arrays: fc.Arbitrary<ScnnParams> = fc.record({
  arrays: fc.constantFrom(1, 1, 2, 3, 7),
  peRows: fc.integer({ min: 1, max: 4 }),
  peColumns: fc.integer({ min: 1, max: 4 }),
  activations: fc.integer({ min: 1, max: 5 }),
  weights: fc.integer({ min: 1, max: 5 }),
  accumulators: fc.constantFrom(1, 7, 30, 6144),
  banks: fc.integer({ min: 1, max: 32 }),
  batch: fc.constant("image" as const),
  foldLinear: fc.boolean(),
  weightGradient: fc.constantFrom("planes", "positions"),
  skipping: fc.constant(true),
});

function dense(pass: Pass, geometry: ConvGeometry): Operation {
  const masks = {
    weight: onesMask(weightShape(geometry)),
    input: onesMask(inputShape(geometry)),
    outputGrad: onesMask(outputShape(geometry)),
  };
  return { pass, layer: "layer", geometry, masks, topKPeriod: 1 };
}

function weightGrad(geometry: ConvGeometry, masks: OperationOf<"weightGrad">["masks"]): Operation {
  return { pass: "weightGrad", layer: "layer", geometry, masks, topKPeriod: 1 };
}

describe("scnn", () => {
  test("multiplies every effectual pair exactly once, in every pass and geometry", () => {
    fc.assert(
      fc.property(operations, arrays, (operation, params) => {
        expect(scnn.run(operation, params).counters.mults).toBe(effectualMacs(operation));
      }),
      { numRuns: 500 },
    );
  });

  test("counts what a walk over every product of every chunk counts", () => {
    fc.assert(
      fc.property(operations, arrays, fc.boolean(), (operation, own, paddingAsNonzeros) => {
        const params: ScnnParams = { ...own, foldLinear: false, weightGradient: "planes" };
        fc.pre(!isLinear(operation.geometry));
        const solid = { ...operation, paddingAsNonzeros };
        const { cycles, counters } = scnn.run(solid, params);
        const walked = jobsOf(solid).map((job) => bruteForceJob(job, params));
        const sum = (of: keyof (typeof walked)[number]) => walked.reduce((total, job) => total + job[of], 0);
        expect(cycles - counters.haloCycles).toBe(sum("cycles"));
        expect(counters.mults).toBe(sum("mults"));
        expect(counters.redundantProducts).toBe(sum("products") - sum("mults"));
        expect(counters.idleConflicts).toBe(sum("conflicts") * params.activations * params.weights);
      }),
      { numRuns: 300 },
    );
  });

  test("a weight gradient by positions has no redundant product, and takes a chunk of inputs × gradients a cycle", () => {
    fc.assert(
      fc.property(operations, arrays, ({ geometry, masks }, own) => {
        const { input = onesMask(inputShape(geometry)), outputGrad = onesMask(outputShape(geometry)) } = masks;
        const operation = weightGrad(geometry, { input, outputGrad });
        const { counters } = scnn.run(operation, { ...own, weightGradient: "positions" });
        expect(counters.redundantProducts).toBe(0);
        expect(counters.mults).toBe(effectualMacs(operation));
      }),
      { numRuns: 200 },
    );
    // 9 of 10 inputs at each of 12 positions, 6 gradients: 3 × 2 chunks of 4 × 4, in 32 banks for 4 filters of a place.
    const geometry: ConvGeometry = {
      ...{ N: 1, C: 10, H: 3, W: 4, K: 6, R: 1, S: 1 },
      ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
    };
    const input = onesMask(inputShape(geometry));
    for (let at = 0; at < 12; at++) input.bytes[at >> 3] &= ~(1 << (at & 7));
    const one: ScnnParams = { ...PUBLISHED, peRows: 1, peColumns: 1, weightGradient: "positions" };
    const sparse = weightGrad(geometry, { input, outputGrad: onesMask(outputShape(geometry)) });
    const { cycles, baseCycles, counters } = scnn.run(sparse, one);
    expect([cycles - counters.conflictCycles, counters.chunkPairs]).toEqual([12 * 3 * 2, 12 * 3 * 2]);
    // Without skipping the plane has 16 places.
    expect(baseCycles).toBe(12 * 4 * 2);
    // Two arrays share the 6 filters: 3 each, a chunk of gradients.
    expect(scnn.run(sparse, { ...one, arrays: 2 }).baseCycles).toBe(12 * 4);
  });

  test("two arrays take two images side by side, wait for each other, and share the filters of one image", () => {
    const geometry: ConvGeometry = { ...LAYER, C: 1, H: 2, W: 2, K: 8, R: 1, S: 1, padding: [0, 0, 0, 0] };
    const params: ScnnParams = { ...PUBLISHED, arrays: 2, peRows: 1, peColumns: 1 };
    const input = onesMask(inputShape(geometry));
    input.bytes[1] = 0b0001;
    const run = (own: ScnnParams, g: ConvGeometry) =>
      scnn.run(
        mapMasks(dense("forward", g), (mask, operand) => (operand === "input" ? input : mask)),
        own,
      );
    // 4 inputs × 4 of 8 filters at a time: 2 chunks, 2 values of each of 4 · 4 banks; the second image has one input.
    const alone = run({ ...params, arrays: 1 }, geometry);
    const pair = run(params, geometry);
    expect(alone.counters.mults).toBe((4 + 1) * 8);
    expect(pair.cycles).toBe(alone.cycles - 2);
    expect(run(params, { ...geometry, N: 1 }).cycles * 2).toBe(
      run({ ...params, arrays: 1 }, { ...geometry, N: 1 }).cycles,
    );
  });

  test("counts runs of filters that repeat their banks as a walk over each of them does", () => {
    const geometry: ConvGeometry = { ...LAYER, C: 2, H: 6, W: 5, K: 41 };
    const input = zerosMask(inputShape(geometry));
    for (let i = 0; i < 2 * 6 * 5; i++) if (i % 3 !== 1) setBit(input, i & 1, i);
    let conflicts = 0;
    for (const [activations, weights, accumulators] of [
      [4, 4, 6144],
      [3, 2, 40],
      [2, 3, 300],
      [5, 8, 900],
    ]) {
      const params = { ...PUBLISHED, peRows: 2, peColumns: 3, activations, weights, accumulators, banks: 24 };
      for (const pass of ["forward", "weightGrad"] as const) {
        const sparse = mapMasks(dense(pass, geometry), (mask, operand) => (operand === "input" ? input : mask));
        const { cycles, counters } = scnn.run(sparse, params);
        const walked = jobsOf(sparse).map((job) => bruteForceJob(job, params));
        expect([cycles - counters.haloCycles, counters.mults]).toEqual([walked[0].cycles, walked[0].mults]);
        expect(counters.idleConflicts).toBe(walked[0].conflicts * activations * weights);
        conflicts += counters.idleConflicts;
      }
    }
    expect(conflicts).toBeGreaterThan(0);
  });

  test("accounts for every multiplier in every cycle", () => {
    fc.assert(
      fc.property(operations, arrays, (operation, params) => {
        const { cycles, packedCycles, baseCycles, counters: c } = scnn.run(operation, params);
        const slots = c.mults + c.idleBricks + c.idleConflicts + c.idlePEs + c.idleHalo;
        expect(slots).toBe(cycles * scnn.multipliers(params));
        expect(c.redundantProducts).toBeLessThanOrEqual(c.idleBricks);
        expect(packedCycles).toBeLessThanOrEqual(cycles);
        expect(cycles - c.conflictCycles).toBeLessThanOrEqual(baseCycles);
      }),
      { numRuns: 200 },
    );
  });

  test("runs an input gradient of stride 1 as the forward pass of rotated, transposed weights", () => {
    const unitStride = operations.filter(({ pass, geometry: { stride, dilation, padding, R, S } }) => {
      const [tall, wide] = [dilation[0] * (R - 1), dilation[1] * (S - 1)];
      const fits = padding[0] <= tall && padding[1] <= tall && padding[2] <= wide && padding[3] <= wide;
      return pass === "inputGrad" && stride[0] * stride[1] === 1 && fits;
    });
    fc.assert(
      fc.property(unitStride, arrays, (operation, own) => {
        const params = { ...own, foldLinear: false };
        const { reschedulingCycles: _, onChipReads, scheduled: __, ...backward } = scnn.run(operation, params);
        const {
          onChipReads: reads,
          reschedulingCycles: ___,
          scheduled: ____,
          ...forward
        } = scnn.run(asForward(operation), params);
        expect(backward).toEqual(forward);
        expect([onChipReads.outputGrad, onChipReads.weight]).toEqual([reads.input, reads.weight]);
      }),
      { numRuns: 100 },
    );
  });

  test("adds images up in forward and inputGrad", () => {
    for (const pass of ["forward", "inputGrad"] as const) {
      const one = scnn.run(dense(pass, { ...LAYER, N: 1 }), PUBLISHED);
      const three = scnn.run(dense(pass, { ...LAYER, N: 3 }), PUBLISHED);
      expect([three.cycles, three.baseCycles]).toEqual([3 * one.cycles, 3 * one.baseCycles]);
    }
  });

  test("multiplies every input with every gradient in a dense weight gradient, nearly all for nothing", () => {
    // 64 inputs meet 64 gradients; along each axis 3 taps at 8 positions lack one pair at either border: 22 pairs.
    const { counters } = scnn.run(dense("weightGrad", LAYER), PUBLISHED);
    const pairs = LAYER.N * LAYER.C * LAYER.K;
    expect(counters.mults).toBe(pairs * 22 * 22);
    expect(counters.redundantProducts).toBe(pairs * (64 * 64 - 22 * 22));
  });

  test("sends the sums of a weight gradient along the rows and along the columns once for all images", () => {
    const { counters } = scnn.run(dense("weightGrad", LAYER), PUBLISHED);
    expect(counters.haloCycles).toBe(LAYER.C * LAYER.K * 9 * 2);
    expect(scnn.run(dense("weightGrad", linearGeometry(1, 300, 20)), PUBLISHED).counters.haloCycles).toBe(0);
  });

  test("takes all chunks of a plane in the dense array: 10×10 padded positions on 8×8 elements are 2×2 each", () => {
    const { baseCycles, cycles } = scnn.run(dense("forward", LAYER), scnn.withoutSkipping(PUBLISHED));
    const halo = 1 * 2 * LAYER.K;
    expect(baseCycles).toBe(LAYER.N * (LAYER.C * 1 * ((9 * LAYER.K) / 4) + halo));
    expect(cycles).toBe(baseCycles);
  });

  test("wastes 255 of 256 products of a folded linear layer, and none of its weight gradient", () => {
    const geometry = linearGeometry(1, 512, 512);
    for (const pass of ["forward", "inputGrad"] as const) {
      const { counters } = scnn.run(dense(pass, geometry), PUBLISHED);
      expect(counters.mults).toBe(512 * 512);
      expect(counters.redundantProducts).toBe(255 * 512 * 512);
    }
    // 2 planes of 16×16, 4 inputs an element, and 512 gradients, 4 at a time.
    const { cycles, counters } = scnn.run(dense("weightGrad", geometry), PUBLISHED);
    expect([cycles, counters.redundantProducts]).toEqual([2 * (512 / 4), 0]);
  });

  test("finds a product's bank from the low bits of its operands", () => {
    for (const banks of [32, 16, 12]) {
      const table = bankTable(banks);
      fc.assert(
        fc.property(fc.array(fc.nat(500), { minLength: 5, maxLength: 5 }), ([k, r, s, w, h]) => {
          expect(table[weightCode(k, r, s) | positionCode(w + r, h + s)]).toBe(bankOf(k, w, h, banks));
        }),
      );
    }
  });

  test("calls exact what DNNsim computes, and nothing else", () => {
    const square = { ...LAYER, stride: [2, 2], padding: [2, 2, 2, 2] } as const;
    expect(scnn.validation(dense("forward", LAYER), PUBLISHED)).toBe("exact");
    expect(scnn.validation(dense("forward", square), PUBLISHED)).toBe("exact");
    expect(scnn.validation(dense("forward", { ...LAYER, stride: [2, 2] }), PUBLISHED)).toBe("property");
    expect(scnn.validation(dense("forward", LAYER), { ...PUBLISHED, peRows: 4 })).toBe("property");
    expect(scnn.validation(dense("weightGrad", LAYER), PUBLISHED)).toBe("property");
  });
});

/** The forward operation that computes an input gradient of stride 1. */
function asForward({ geometry: g, masks, ...rest }: Operation): Operation {
  const [, , P, Q] = outputShape(g);
  const [tall, wide] = [g.dilation[0] * (g.R - 1), g.dilation[1] * (g.S - 1)];
  const [top, , left] = g.padding;
  const geometry: ConvGeometry = {
    ...{ ...g, C: g.K, K: g.C, H: P, W: Q },
    padding: [tall - top, g.H + top - P, wide - left, g.W + left - Q],
  };
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const weight = zerosMask(weightShape(geometry));
  for (let k = 0; k < g.K; k++) {
    for (let c = 0; c < inputs; c++) {
      for (let tap = 0; tap < g.R * g.S; tap++) {
        if (!getBit(masks.weight as BitMask, k, c * g.R * g.S + tap)) continue;
        const filter = Math.floor(k / outputs) * inputs + c;
        setBit(weight, filter, (k % outputs) * g.R * g.S + g.R * g.S - 1 - tap);
      }
    }
  }
  const input = masks.outputGrad as BitMask;
  return { ...rest, pass: "forward", geometry, masks: { weight, input } };
}
