import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import type { Backend } from "../../../src/kernels/backend.ts";
import { anySizes, moduleNames, reasonToSkip, reference, type Side, Stage, sides, someFloats } from "./sides.ts";

function own(backend: Backend, values: Float32Array): Float32Array {
  return new Stage(backend, 1, 1).floats(values);
}

function filled(size: number, valueAt: (i: number) => number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = valueAt(i);
  return values;
}

/** What `make` gives, made once for each list of arguments. */
function memoized<Args extends readonly unknown[], Value>(make: (...args: Args) => Value): (...args: Args) => Value {
  const known = new Map<string, Value>();
  return (...args) => {
    const key = args.join();
    if (!known.has(key)) known.set(key, make(...args));
    return known.get(key) as Value;
  };
}

/** How values may be distributed: each fools another way of guessing the threshold. */
const KINDS = ["normal", "rectified", "ties", "one value", "sorted", "wide", "special", "striped", "spikes"] as const;

/** Both builds ask for the same. */
const drawn = memoized((kind: (typeof KINDS)[number], seed: number, size: number): Float32Array => {
  const random = seedrandom.alea(`${kind}/${seed}`);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  switch (kind) {
    case "normal":
      return filled(size, normal);
    case "rectified":
      return filled(size, () => Math.max(0, normal()));
    case "ties":
      return filled(size, () => Math.floor(random() * 7) / 8 - 0.5);
    case "one value":
      return new Float32Array(size).fill(-0.375);
    case "sorted":
      return filled(size, (i) => i - size / 3);
    case "wide":
      return filled(size, () => (random() - 0.5) * 10 ** (random() * 70 - 35));
    case "special":
      return someFloats(`${seed}`, size, true);
    case "striped":
      return filled(size, (i) => normal() * ((i >> 5) & 1 ? 1 : 1e-3));
    case "spikes":
      return filled(size, (i) => (i % 997 === 0 ? 100 * normal() : 0));
  }
});

const topKOf = memoized((kind: (typeof KINDS)[number], seed: number, size: number, k: number) =>
  reference.topK(drawn(kind, seed, size), k, 0),
);

describe.each(moduleNames)("%s top-k", (name) => {
  const reason = reasonToSkip(name);
  if (reason !== undefined) {
    test.skip(reason);
    return;
  }
  describe("is the k-th largest magnitude, exactly", () => {
    const both: readonly Side[] = Object.values(sides(name));
    const sizes = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 100 }) },
      { weight: 2, arbitrary: fc.constantFrom(8191, 8192, 8193, 20_001) },
      { weight: 2, arbitrary: fc.constantFrom(65_535, 65_536, 70_003) },
    );

    test("of arrays, for any k, distribution and hint", () => {
      fc.assert(
        fc.property(
          sizes,
          fc.constantFrom(...KINDS),
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.constantFrom(0, 1, 0.999, 1.02, 1.2, 0.1, 50, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 1e300),
          fc.nat(100),
          (size, kind, share, nearness, seed) => {
            const values = drawn(kind, seed, size);
            const k = 1 + Math.floor(share * (size - 1));
            const expected = topKOf(kind, seed, size, k);
            for (const { backend } of both) {
              const placed = own(backend, values);
              const hint = expected > 0 && expected < 1e30 ? expected * nearness : nearness;
              expect(backend.topK(placed, k, hint)).toBe(expected);
              if (size < 1000) expect(backend.topK(values, k, hint)).toBe(expected);
            }
          },
        ),
        { numRuns: 300 },
      );
    });

    test("of every k of a few values", () => {
      const values = Float32Array.of(0, -0, 1, -1, 2, Number.NaN, 1e-45, Number.NEGATIVE_INFINITY, -2, 2);
      for (const { backend } of both) {
        const placed = own(backend, values);
        const sorted = Array.from(values, (_, i) => backend.topK(placed, i + 1, 0));
        expect(sorted).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 2, 2, 2, 1, 1, Math.fround(1e-45), 0, 0]);
      }
    });

    test("where the list of a row is nearly, exactly or more than full", () => {
      // Rows of arrays have 8192 floats and lists a quarter of that; the hint's interval holds all values but the zeros.
      for (let near = 2020; near < 2072; near++) {
        for (const size of [near, 8192 + 37]) {
          const values = filled(size, (i) => (i < near || i >= 8192 ? 1 + i * 2 ** -20 : 0));
          for (const k of [1, 5, 30, 60, near]) {
            const expected = reference.topK(values, k, 0);
            for (const { backend } of both) expect(backend.topK(own(backend, values), k, 1)).toBe(expected);
          }
        }
      }
    });

    test("of the images of a tensor, whatever an earlier batch left", () => {
      fc.assert(
        fc.property(
          anySizes,
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.constantFrom(0, 1, 1.01, 7.5),
          ({ shape, maxBatch, batch, halos, seed }, share, nearness) => {
            const values = someFloats(`${seed}`, batch * sizeOf(shape), true);
            const k = 1 + Math.floor(share * (values.length - 1));
            const expected = reference.topK(values, k, 0);
            for (const { backend } of both) {
              const tensor = new Stage(backend, maxBatch, batch).tensor(shape, halos[0], values);
              expect(backend.topKOf(tensor, batch, k, expected > 0 ? expected * nearness : 1)).toBe(expected);
            }
          },
        ),
        { numRuns: 300 },
      );
    });

    test.each([
      [[17, 13, 11], 33, [1, 1]],
      [[64, 16, 16], 32, [1, 1]],
      [[3, 64, 64], 16, [0, 0]],
    ] as const)("of a large tensor of %j × %i with halo %j", (shape, batch, halo) => {
      const size = batch * sizeOf(shape);
      const values = drawn("rectified", 5, size);
      for (const { backend } of both) {
        const tensor = new Stage(backend, batch, batch).tensor(shape, halo, values);
        for (const share of [0.001, 0.1, 0.3, 0.9]) {
          const k = Math.ceil(share * size);
          const expected = topKOf("rectified", 5, size, k);
          for (const hint of [0, expected, expected * 1.01, expected * 2]) {
            expect(backend.topKOf(tensor, batch, k, hint)).toBe(expected);
          }
        }
      }
    });
  });
});
