import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onesMask } from "../../../src/core/bit-mask.ts";
import { denseMacs, gridMacs, phaseMacs, strideMacs } from "../../../src/core/dense-macs.ts";
import { inputShape, linearGeometry, weightShape } from "../../../src/core/geometry.ts";
import { effectualMacs } from "../../../src/sim/operation/mac-counts.ts";
import { bruteForceMacs, geometries, operations } from "../../support/random-operation.ts";

describe("counts of multiply–accumulates", () => {
  it("equal a count of one multiplication at a time, in every pass and geometry", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const counted = bruteForceMacs(operation);
        expect(denseMacs(operation.geometry)).toBe(counted.dense);
        expect(effectualMacs(operation)).toBe(counted.effectual);
      }),
      { numRuns: 300 },
    );
  });

  it("of a linear layer are N · C · K", () => {
    expect(denseMacs(linearGeometry(8, 37, 10))).toBe(8 * 37 * 10);
  });

  it("with the image padding are those of layer tables: the stem of CIFAR ResNet-18 has 1.769 M", () => {
    const stem = {
      ...{ N: 1, C: 3, H: 32, W: 32, K: 64, R: 3, S: 3, groups: 1 },
      stride: [1, 1],
      padding: [1, 1, 1, 1],
      dilation: [1, 1],
    } as const;
    expect(gridMacs(stem)).toBe(64 * 32 * 32 * 27);
    // Rows and columns at the border miss one of three taps: (3·32 − 2)² of (3·32)² taps exist.
    expect(denseMacs(stem)).toBe(64 * 3 * (3 * 32 - 2) ** 2);
  });

  it("a zero-dilated input gradient of stride 2 would spend four times the MACs", () => {
    const g = {
      ...{ N: 1, C: 4, H: 8, W: 8, K: 5, R: 2, S: 2, groups: 1 },
      stride: [2, 2],
      padding: [0, 0, 0, 0],
      dilation: [1, 1],
    } as const;
    expect(phaseMacs(g)).toBe(gridMacs(g));
    expect(gridMacs(g) + strideMacs(g)).toBe(4 * gridMacs(g));
    expect(strideMacs({ ...g, stride: [1, 1] })).toBe(0);
  });

  it("of an input gradient hold what its windows read outside outputGrad: 5×5 taps at every input position", () => {
    const g = {
      ...{ N: 2, C: 3, H: 14, W: 14, K: 4, R: 5, S: 5, groups: 1 },
      stride: [1, 1],
      padding: [0, 0, 0, 0],
      dilation: [1, 1],
    } as const;
    expect(phaseMacs(g)).toBe(2 * 3 * 4 * 25 * 14 * 14);
    expect(phaseMacs(g)).toBeGreaterThan(denseMacs(g));
  });

  it("of an input gradient and its zero dilation cover every tap at every input position", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        expect(phaseMacs(g)).toBeGreaterThanOrEqual(denseMacs(g));
        expect(phaseMacs(g) + strideMacs(g)).toBe(g.N * g.K * (g.C / g.groups) * g.R * g.S * g.H * g.W);
      }),
    );
  });

  it("hold for batches of more images than a byte counts", () => {
    const geometry = linearGeometry(600, 5, 3);
    const [input, weight] = [onesMask(inputShape(geometry)), onesMask(weightShape(geometry))];
    input.bytes[400] &= ~0b100;
    weight.bytes[1] &= ~0b100;
    const operation = { pass: "forward", layer: "fc", geometry, masks: { input, weight }, topKPeriod: 1 } as const;
    // Without the two zeros; the pair of both was missed twice.
    expect(effectualMacs(operation)).toBe(600 * 5 * 3 - 3 - 600 + 1);
  });
});
