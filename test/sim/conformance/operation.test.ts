/** The laws of one operation hold on every shipped machine for any legal geometry, and catch machines that break them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { denseMacs } from "../../../src/core/dense-macs.ts";
import type { ConvGeometry } from "../../../src/core/geometry.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { randomOperation } from "../../../src/sim/conformance/cases.ts";
import { operationFaults } from "../../../src/sim/conformance/operation.ts";
import type { Machine } from "../../../src/sim/hardware/machine.ts";
import { effectualMacs } from "../../../src/sim/operation/mac-counts.ts";
import { PASSES, type Pass } from "../../../src/sim/operation/operation.ts";
import { bruteForceMacs } from "../../support/random-operation.ts";

const machines = await loadMachines(["all"]);
const named = (name: string) => machines.find((machine) => machine.name === name) as Machine;

/** 1 half of the time, so that single pixels, 1×1 kernels and plain strides meet everything else. */
const often1 = (max: number) => fc.oneof(fc.constant(1), fc.integer({ min: 1, max }));
const pad = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 }));
const axis = fc.record({
  ...{ size: often1(9), kernel: often1(5), stride: often1(6), dilation: often1(5), before: pad, after: pad },
});
const MOST_MACS = 20_000;

/** Stride larger than the kernel, padding larger than the image, dilation of kernels of one tap, groups: whatever is legal. */
const oddGeometries: fc.Arbitrary<ConvGeometry> = fc
  .record({
    ...{ N: often1(3), groups: often1(3), vertical: axis, horizontal: axis },
    ...{ channels: fc.oneof(often1(5), fc.constant(40)), filters: fc.oneof(often1(5), fc.constant(33)) },
  })
  .map(
    ({ N, groups, channels, filters, vertical: v, horizontal: h }): ConvGeometry => ({
      ...{ N, C: channels * groups, H: v.size, W: h.size, K: filters * groups, R: v.kernel, S: h.kernel, groups },
      ...{ stride: [v.stride, h.stride], dilation: [v.dilation, h.dilation] },
      padding: [v.before, v.after, h.before, h.after],
    }),
  )
  .filter((g) => outputHeight(g) >= 1 && outputWidth(g) >= 1 && denseMacs(g) <= MOST_MACS);

describe("the laws of an operation", () => {
  it("hold on every machine for random legal geometries, whose MACs equal those counted one by one", () => {
    fc.assert(
      fc.property(
        oddGeometries,
        fc.constantFrom<Pass>(...PASSES),
        fc.constantFrom(0.1, 0.5, 1),
        fc.boolean(),
        (geometry, pass, density, paddingAsNonzeros) => {
          const operation = { ...randomOperation(pass, geometry, density), paddingAsNonzeros };
          const { dense, effectual } = bruteForceMacs(operation);
          expect([denseMacs(geometry), effectualMacs(operation)]).toEqual([dense, effectual]);
          for (const { name, accelerator, params } of machines) {
            const where = `${name} ${pass} ${JSON.stringify(geometry)}`;
            expect(operationFaults(accelerator, params, operation, effectual), where).toEqual([]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are broken by counts that are negative, lost or invented", () => {
    const operation = randomOperation("forward", { ...SINGLE_PIXEL, dilation: [1, 1] }, 1);
    const faultsWith = (change: (cycles: number) => object) => {
      const accelerator: typeof dadiannao = {
        ...dadiannao,
        run: (run, params) => {
          const result = dadiannao.run(run, params);
          return { ...result, ...change(result.cycles) };
        },
      };
      const { params } = named("dadiannao");
      return operationFaults(accelerator, params as Parameters<typeof dadiannao.run>[1], operation).join("\n");
    };
    expect(faultsWith(() => ({}))).toBe("");
    expect(faultsWith(() => ({ multiplierCycles: { occupied: 1280, imbalance: -1 } }))).toMatch(
      /multiplierCycles: imbalance is -1/,
    );
    expect(faultsWith(() => ({ multiplierCycles: { occupied: 0 } }))).toMatch(
      /0 occupied multiplier-cycles for 1280 effectual MACs/,
    );
    expect(faultsWith(() => ({ multiplierCycles: { occupied: 1281 } }))).toMatch(
      /1281 occupied multiplier-cycles for 1280 MACs/,
    );
    expect(faultsWith(() => ({ cycles: 0, packedCycles: 0 }))).toMatch(/0 cycles for 1280 effectual MACs/);
    expect(faultsWith(() => ({ onChipReads: { input: 0 } }))).toMatch(/no input is read/);
  });
});

/** 40 × 32 MACs: one pixel, one tap, so that neither stride nor dilation changes anything. */
const SINGLE_PIXEL: ConvGeometry = {
  ...{ N: 1, C: 40, H: 1, W: 1, K: 32, R: 1, S: 1, groups: 1 },
  ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [3, 5] },
};

describe("a 1×1 convolution of one pixel", () => {
  it.each(machines)("costs $name the same whatever its dilation and stride, which reach nothing", (machine) => {
    const { accelerator, params } = machine;
    for (const pass of PASSES) {
      for (const density of [0.5, 1]) {
        const run = (change: Partial<ConvGeometry>) =>
          accelerator.run(randomOperation(pass, { ...SINGLE_PIXEL, ...change }, density), params);
        const plain = run({ dilation: [1, 1] });
        expect(run({})).toEqual(plain);
        expect(run({ dilation: [1, 1], stride: [2, 3] }).cycles).toBe(plain.cycles);
      }
    }
  });

  it("occupies SCNN for each of its 40 × 32 = 1,280 MACs, dilated or not", () => {
    const { accelerator, params } = named("scnn");
    for (const pass of PASSES) {
      expect(accelerator.run(randomOperation(pass, SINGLE_PIXEL, 1), params).multiplierCycles?.occupied).toBe(1280);
    }
  });
});
