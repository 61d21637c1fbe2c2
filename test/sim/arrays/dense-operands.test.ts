/**
 * An operand without a zero that is marked as such is counted in closed form, without its bytes; it costs what the walk over the
 * same ones costs, on every shipped machine.
 */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { loadMachines, shippedMachines } from "../../../src/api/open.ts";
import { type BitMask, fullMask, onesMask, setBit, sliceSize, zerosMask } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { SHAPE_OF } from "../../../src/core/passes.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { SHAPES } from "../../../src/sim/conformance/shapes.ts";
import { OPERANDS_OF, type Operation, PASSES, type Pass, withMasks } from "../../../src/sim/operation/operation.ts";
import { geometries } from "../../support/geometries.ts";

const machines = await loadMachines(await shippedMachines(), accelerators);

/** Which operands have no zero. */
const DENSE = ["both", "first", "second"] as const;
type Dense = (typeof DENSE)[number];

function randomMask(shape: readonly number[], random: () => number): BitMask {
  const mask = zerosMask(shape);
  for (let n = 0; n < shape[0]; n++) for (let i = 0; i < sliceSize(shape); i++) if (random() < 0.4) setBit(mask, n, i);
  return mask;
}

/** The operation with its dense operands marked, and the same with bytes that somebody has to look at. */
function twins(pass: Pass, geometry: ConvGeometry, dense: Dense, paddingAsNonzeros: boolean): [Operation, Operation] {
  const random = seedrandom(JSON.stringify([pass, geometry, dense]));
  const masks = OPERANDS_OF[pass].map((operand, index) => {
    const shape = SHAPE_OF[operand](geometry);
    const isDense = dense === "both" || (dense === "first") === (index === 0);
    if (isDense) return [operand, fullMask(shape), onesMask(shape)] as const;
    const mask = randomMask(shape, random);
    return [operand, mask, mask] as const;
  });
  const base = { pass, layer: "layer", geometry, topKPeriod: 1, paddingAsNonzeros };
  return [
    withMasks(
      base,
      masks.map(([operand, marked]) => [operand, marked]),
    ),
    withMasks(
      base,
      masks.map(([operand, , walked]) => [operand, walked]),
    ),
  ];
}

const hasOutput = (g: ConvGeometry) => outputHeight(g) > 0 && outputWidth(g) > 0;

function expectEqual(geometry: ConvGeometry, dense: Dense, paddingAsNonzeros: boolean, batch?: "image" | "fold"): void {
  for (const { name, accelerator, params } of machines) {
    const own = batch !== undefined && "batch" in params && accelerator.id !== "scnn" ? { ...params, batch } : params;
    for (const pass of PASSES) {
      const [marked, walked] = twins(pass, geometry, dense, paddingAsNonzeros);
      expect(accelerator.run(marked, own), `${name} ${pass}`).toEqual(accelerator.run(walked, own));
    }
  }
}

describe("operands without a zero", () => {
  test.each(Object.entries(SHAPES))("%s: cost what the walk over their ones costs", (_, geometry) => {
    for (const dense of DENSE) expectEqual(geometry, dense, false);
    expectEqual(geometry, "both", true);
    expectEqual(geometry, "both", false, "image");
  });

  test("of random shapes cost the same", () => {
    fc.assert(
      fc.property(
        geometries.filter(hasOutput),
        fc.constantFrom(...DENSE),
        fc.boolean(),
        fc.constantFrom("image" as const, "fold" as const),
        expectEqual,
      ),
      { numRuns: 30 },
    );
  });
});
