/** Random small convolutions for property tests: per-axis stride and dilation, four-sided padding, groups, odd and empty outputs. */
import fc from "fast-check";
import type { ConvGeometry } from "../../src/core/geometry.ts";

const extent = (min: number, max: number) => fc.integer({ min, max });

/** Any small geometry, some of them without output. */
export const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({
    N: extent(1, 3),
    inputs: extent(1, 9),
    outputs: extent(1, 9),
    H: extent(1, 7),
    W: extent(1, 7),
    R: extent(1, 4),
    S: extent(1, 4),
    stride: fc.tuple(extent(1, 3), extent(1, 3)),
    padding: fc.tuple(extent(0, 2), extent(0, 2), extent(0, 2), extent(0, 2)),
    dilation: fc.tuple(extent(1, 2), extent(1, 2)),
    groups: fc.constantFrom(1, 1, 2, 3),
  })
  .map(({ inputs, outputs, groups, ...rest }) => ({ ...rest, groups, C: inputs * groups, K: outputs * groups }));
