/** The timers of the flexible array and of the mesh equal the event model, and keep what the clean settings promise. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { setBit, zerosMask } from "../../../../src/core/bit-mask.ts";
import { linearGeometry } from "../../../../src/core/geometry.ts";
import { type MeshParams, mesh } from "../../../../src/sim/arrays/mesh.ts";
import { iterationTimer } from "../../../../src/sim/arrays/sigma/iteration-cost.ts";
import { tileCost } from "../../../../src/sim/arrays/sigma/mesh-tile.ts";
import { type SigmaParams, sigma } from "../../../../src/sim/arrays/sigma.ts";
import type { Operation } from "../../../../src/sim/operation/operation.ts";
import { playProduct, playTile } from "./event-model.ts";

const powers = (least: number, most: number) => fc.integer({ min: least, max: most }).map((power) => 2 ** power);
const buses = fc.constantFrom("hashed" as const, "balanced" as const);
const drains = fc.constantFrom("half" as const, "full" as const);
const stationary = { forward: "weight", inputGrad: "weight", weightGrad: "sparser" } as const;

const arrays = fc
  .record({
    multipliers: powers(2, 6),
    share: powers(0, 6),
    reductionBandwidth: fc.integer({ min: 1, max: 70 }),
    bus: buses,
    drain: drains,
  })
  .map(({ share, ...array }) => ({ ...array, distributionBandwidth: Math.max(1, array.multipliers / share) }));

/** A linear layer of `columns` images whose filters have nonzeros at `positions`. */
function linear(positions: readonly (readonly number[])[], length: number, columns: number): Operation {
  const weight = zerosMask([positions.length, length, 1, 1]);
  positions.forEach((ones, filter) => {
    for (const k of ones) setBit(weight, filter, k);
  });
  const input = zerosMask([columns, length, 1, 1]);
  return {
    ...{ pass: "forward", layer: "layer", topKPeriod: 1 },
    geometry: linearGeometry(columns, length, positions.length),
    masks: { weight, input },
  };
}

const matrices = fc.integer({ min: 1, max: 90 }).chain((length) =>
  fc.record({
    length: fc.constant(length),
    positions: fc.array(fc.subarray([...Array(length).keys()]), { minLength: 1, maxLength: 12 }),
  }),
);

describe("the flexible array", () => {
  test("takes the cycles of the event model", () => {
    fc.assert(
      fc.property(arrays, matrices, fc.integer({ min: 1, max: 12 }), (array, { length, positions }, columns) => {
        const own: SigmaParams = {
          ...array,
          ...{ overlap: false, batch: "fold", partialSums: "first", stationary, skipping: true },
        };
        const { cycles } = sigma.run(linear(positions, length, columns), own);
        expect(cycles).toBe(playProduct(positions, columns, array));
      }),
      { numRuns: 400 },
    );
  });

  test("never takes longer with overlap, an undivided drain and a balanced bus of one line a multiplier", () => {
    fc.assert(
      fc.property(arrays, matrices, fc.integer({ min: 20, max: 40 }), (array, { length, positions }, columns) => {
        const operation = linear(positions, length, columns);
        const shared = { batch: "fold", stationary, skipping: true } as const;
        const clean: SigmaParams = {
          ...{ ...array, ...shared, reductionBandwidth: array.multipliers },
          ...{ bus: "balanced", drain: "full", partialSums: "interleaved", overlap: true },
        };
        const original: SigmaParams = {
          ...{ ...clean, reductionBandwidth: array.reductionBandwidth },
          ...{ bus: "hashed", drain: "half", partialSums: "first", overlap: false },
        };
        const latency = 8 + Math.log2(array.multipliers);
        const { cycles, packedCycles, baseCycles } = sigma.run(operation, clean);
        expect(cycles).toBeLessThanOrEqual(sigma.run(operation, original).cycles + latency);
        expect(packedCycles).toBeLessThanOrEqual(cycles);
        expect(cycles).toBeLessThanOrEqual(baseCycles);
      }),
    );
  });

  test("goes on at the same rate beyond the columns that are played out", () => {
    const packed = fc.array(fc.subarray([...Array(12).keys()], { minLength: 1 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(arrays, packed, (array, vectors) => {
        const own = { ...array, multipliers: 64, distributionBandwidth: Math.min(64, array.distributionBandwidth) };
        const rules = { ...own, bus: "hashed", partialSums: "first", overlap: false } as const;
        const leaves = Int32Array.from(vectors.flat());
        let used = 0;
        const lastLeaf = Int32Array.from(vectors, ({ length }) => {
          used += length;
          return used - 1;
        });
        const iteration = { leaves, lastLeaf, neurons: vectors.length, continuation: false };
        const columns = 500;
        const part = iterationTimer(rules, 300 * 12)(iteration, columns);
        expect(part).toEqual(iterationTimer(rules)(iteration, columns));
      }),
    );
  });

  test("shares each value on a port among the leaves that want it", () => {
    // Two filters over the same two inputs on one port of four leaves: 4 weights and 2 values a column.
    const own: SigmaParams = {
      ...{ multipliers: 4, distributionBandwidth: 1, reductionBandwidth: 4, batch: "fold", skipping: true, stationary },
      ...{ bus: "balanced", drain: "full", partialSums: "interleaved", overlap: true },
    };
    const cycles = (columns: number) =>
      sigma.run(
        linear(
          [
            [0, 1],
            [0, 1],
          ],
          2,
          columns,
        ),
        own,
      ).cycles;
    expect(cycles(11) - cycles(10)).toBe(2);
  });

  test("skips filters without a nonzero", () => {
    const own: SigmaParams = {
      ...{ multipliers: 4, distributionBandwidth: 4, reductionBandwidth: 4, batch: "fold", skipping: true, stationary },
      ...{ bus: "balanced", drain: "full", partialSums: "interleaved", overlap: true },
    };
    const result = sigma.run(linear([[], [0, 2], [], []], 3, 5), own);
    expect(result.onChipWrites).toBe(5);
    expect(result.counters).toMatchObject({ iterations: 1, multiplications: 10 });
    expect(sigma.run(linear([[], []], 3, 5), own).cycles).toBe(0);
  });

  test("is refused where a port would not serve a power of two of multipliers, or these are none", () => {
    const own: SigmaParams = {
      ...{
        multipliers: 64,
        distributionBandwidth: 24,
        reductionBandwidth: 4,
        batch: "fold",
        skipping: true,
        stationary,
      },
      ...{ bus: "balanced", drain: "full", partialSums: "interleaved", overlap: true },
    };
    expect(() => sigma.multipliers(own)).toThrow("distributionBandwidth: must serve a power of two of 64 places");
    expect(() => sigma.multipliers({ ...own, multipliers: 48 })).toThrow("multipliers: must be a power of two, got 48");
  });
});

const meshes = fc
  .record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 9 }),
    pick: fc.nat(),
    reductionBandwidth: fc.integer({ min: 1, max: 90 }),
    bus: buses,
    drain: drains,
  })
  .map(({ pick, ...array }) => {
    const places = array.rows + array.columns;
    const shares = [1, 2, 4, 8, 16].filter((share) => places % share === 0);
    return { ...array, distributionBandwidth: places / shares[pick % shares.length] };
  });

describe("the mesh", () => {
  test("takes the cycles of the event model on every tile", () => {
    fc.assert(
      fc.property(meshes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 12 }), (array, a, b, length) => {
        const [height, width] = [1 + (a % array.rows), 1 + (b % array.columns)];
        const { alone } = tileCost({ ...array, overlap: false }, height, width, length);
        expect(alone).toBe(playTile(array, height, width, length));
      }),
      { numRuns: 400 },
    );
  });

  test("at full bandwidth takes length + rows + columns + 3 cycles a tile, stored in full on a line a place", () => {
    const own: MeshParams = {
      ...{ rows: 4, columns: 8, tileRows: 0, tileColumns: 0, distributionBandwidth: 12, reductionBandwidth: 32 },
      ...{ bus: "hashed", drain: "full", overlap: false, batch: "fold" },
    };
    const dense = linear(
      Array.from({ length: 8 }, () => []),
      20,
      16,
    );
    expect(mesh.run(dense, own).cycles).toBe(4 * (20 + 4 + 8 + 2));
    expect(mesh.run(dense, { ...own, overlap: true }).cycles).toBe(4 * 20 + 4 + 8 + 2);
    expect(mesh.run(dense, { ...own, tileRows: 2 }).counters.tiles).toBe(8);
    // 4 tiles of two meshes, and of three: the busiest has two.
    expect(mesh.run(dense, { ...own, overlap: true, arrays: 2 }).cycles).toBe(2 * 20 + 4 + 8 + 2);
    expect(mesh.run(dense, { ...own, overlap: true, arrays: 3 }).cycles).toBe(2 * 20 + 4 + 8 + 2);
    expect(mesh.run(dense, { ...own, arrays: 4 }).cycles).toBe(20 + 4 + 8 + 2);
  });
});
