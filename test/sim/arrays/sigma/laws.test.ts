/** The flexible array and the mesh keep the laws of every accelerator, and their matrices are those of the convolution. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MeshParams, mesh } from "../../../../src/sim/arrays/mesh.ts";
import { productsOf, SIDES } from "../../../../src/sim/arrays/sigma/products.ts";
import type { VectorSet } from "../../../../src/sim/arrays/sigma/vectors.ts";
import { type SigmaParams, sigma } from "../../../../src/sim/arrays/sigma.ts";
import { randomOperation } from "../../../../src/sim/conformance/cases.ts";
import { type ConformanceProperty, conformanceProperties } from "../../../../src/sim/conformance/conformance.ts";
import { SHAPES } from "../../../../src/sim/conformance/shapes.ts";
import { effectualMacs } from "../../../../src/sim/operation/mac-counts.ts";
import { operations } from "../../../support/random-operation.ts";

const clean = { bus: "balanced", drain: "full", overlap: true } as const;
const original = { bus: "hashed", drain: "half", overlap: false } as const;
const weights = { forward: "weight", inputGrad: "weight", weightGrad: "outputGrad" } as const;
const others = { forward: "input", inputGrad: "outputGrad", weightGrad: "input" } as const;
const sparser = { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" } as const;
const full = { multipliers: 64, distributionBandwidth: 64, reductionBandwidth: 64, skipping: true } as const;

const arrays: readonly SigmaParams[] = [
  { ...full, ...clean, partialSums: "interleaved", batch: "fold", stationary: weights },
  { ...full, ...clean, partialSums: "interleaved", batch: "image", stationary: sparser },
  { ...full, ...clean, partialSums: "interleaved", batch: "fold", stationary: others },
  { ...full, ...clean, partialSums: "first", batch: "fold", stationary: sparser, distributionBandwidth: 16 },
  { ...full, ...original, partialSums: "first", batch: "fold", stationary: weights, distributionBandwidth: 16 },
  { ...full, ...clean, arrays: 3, partialSums: "interleaved", batch: "fold", stationary: sparser },
];
const meshes: readonly MeshParams[] = [
  {
    ...clean,
    rows: 8,
    columns: 8,
    tileRows: 0,
    tileColumns: 0,
    distributionBandwidth: 16,
    reductionBandwidth: 8,
    batch: "fold",
  },
  {
    ...original,
    rows: 8,
    columns: 4,
    tileRows: 6,
    tileColumns: 3,
    distributionBandwidth: 3,
    reductionBandwidth: 5,
    batch: "image",
  },
  {
    ...clean,
    arrays: 3,
    rows: 4,
    columns: 8,
    tileRows: 0,
    tileColumns: 0,
    distributionBandwidth: 12,
    reductionBandwidth: 2,
    batch: "fold",
  },
];

function faultsOf(properties: readonly ConformanceProperty[]): string[] {
  return properties.flatMap(({ name, check }) => {
    try {
      check();
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });
}

/** One list of positions a vector. */
function unpacked(set: VectorSet): number[][] {
  const out = new Int32Array(set.length);
  return Array.from({ length: set.vectors }, (_, vector) => [...out.subarray(0, set.positions(vector, out))]);
}

describe("laws", () => {
  test.each(arrays.map((own, i) => [i, own] as const))("sigma, setting %i, keeps every law", (_i, own) => {
    expect(faultsOf(conformanceProperties(sigma, own))).toEqual([]);
  });

  test.each(meshes.map((own, i) => [i, own] as const))("mesh, setting %i, keeps every law", (_i, own) => {
    expect(faultsOf(conformanceProperties(mesh, own))).toEqual([]);
  });

  test("a hashed bus with few lines may lose what skipping gains, because more filters then share a line", () => {
    const own: SigmaParams = { ...arrays[4], multipliers: 256, distributionBandwidth: 256, stationary: sparser };
    expect(faultsOf(conformanceProperties(sigma, own))).toEqual([]);
    const shapes = Object.values(SHAPES).map((geometry) => sigma.run(randomOperation("forward", geometry, 0.5), own));
    const slower = shapes.filter(({ cycles, baseCycles }) => cycles > baseCycles);
    expect(slower.length).toBeGreaterThan(0);
    for (const { cycles, baseCycles, multiplierCycles } of slower) {
      expect((cycles - baseCycles) * own.multipliers).toBeLessThanOrEqual(multiplierCycles?.fillDrain ?? 0);
    }
  });
});

describe("matrix products", () => {
  test("pair the nonzeros that the convolution pairs, in every pass", () => {
    fc.assert(
      fc.property(operations, fc.constantFrom("fold" as const, "image" as const), (operation, batch) => {
        let macs = 0;
        for (const { rows, columns } of productsOf(operation, batch)) {
          const [a, b] = [unpacked(rows), unpacked(columns)];
          expect(rows.ones()).toBe(a.flat().length);
          expect(columns.ones()).toBe(b.flat().length);
          expect(columns.length).toBe(rows.length);
          const of = (lists: number[][]) => {
            const counts = new Array<number>(rows.length).fill(0);
            for (const k of lists.flat()) counts[k]++;
            return counts;
          };
          const others = of(b);
          of(a).forEach((count, k) => {
            macs += count * others[k];
          });
        }
        expect(macs).toBe(effectualMacs(operation));
      }),
      { numRuns: 300 },
    );
  });

  test("count padding as nonzeros where it is solid", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const plain = productsOf(operation, "fold");
        productsOf({ ...operation, paddingAsNonzeros: true }, "fold").forEach(({ columns }, i) => {
          expect(columns.ones()).toBe(unpacked(columns).flat().length);
          expect(columns.ones()).toBeGreaterThanOrEqual(plain[i].columns.ones());
        });
      }),
    );
  });

  test("read the stationary operand once and the other once an iteration or folded vector", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const own = arrays[0];
        const { onChipReads, onChipWrites, counters } = sigma.run(operation, own);
        const { rows, columns } = SIDES[operation.pass];
        const products = productsOf(operation, own.batch);
        const sum = (value: (product: (typeof products)[number]) => number) =>
          products.reduce((total, product) => total + value(product), 0);
        expect(onChipReads[rows]).toBe(sum((product) => product.rows.ones()));
        expect(counters.multiplications).toBe(sum((product) => product.rows.ones() * product.columns.vectors));
        const full = sum((product) => product.columns.ones() * product.rows.vectors);
        expect(onChipReads[columns]).toBeLessThanOrEqual(full);
        expect(onChipWrites - counters.psumReads).toBeLessThanOrEqual(
          sum((product) => product.rows.vectors * product.columns.vectors),
        );
      }),
    );
  });

  test("are called exact only for what STONNE runs, under its rules", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { groups } = operation.geometry;
        const exact = operation.pass === "forward" && groups === 1;
        expect(sigma.validation(operation, arrays[4]) === "exact").toBe(exact);
        expect(sigma.validation(operation, arrays[0])).toBe("property");
        expect(mesh.validation(operation, meshes[0])).toBe("formula");
        const parity: MeshParams = { ...meshes[1], batch: "fold" };
        expect(mesh.validation(operation, parity) === "exact").toBe(exact);
      }),
    );
  });
});
