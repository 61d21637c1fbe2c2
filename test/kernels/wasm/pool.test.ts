import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PoolGeometry } from "../../../src/core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../../src/core/pool-geometry.ts";
import { expectClose, expectSame, moduleNames, play, reasonToSkip, sides, someFloats } from "./sides.ts";

interface Case {
  readonly g: PoolGeometry;
  readonly batch: number;
  readonly accumulate: boolean;
  readonly halos: readonly (readonly [number, number])[];
  readonly special: boolean;
  readonly seed: number;
}

const upTo3 = fc.integer({ min: 1, max: 3 });
const halo = fc.tuple(fc.nat(2), fc.nat(2));

/** Any window, stride and padding that has an output, windows without an image element included. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    g: fc.record({
      N: fc.constantFrom(1, 2, 5, 16, 33),
      C: fc.constantFrom(1, 3, 17, 33),
      H: fc.integer({ min: 1, max: 7 }),
      W: fc.integer({ min: 1, max: 7 }),
      window: fc.tuple(upTo3, upTo3),
      stride: fc.tuple(upTo3, upTo3),
      padding: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    }),
    whole: fc.boolean(),
    used: fc.double({ min: 0, max: 1, noNaN: true }),
    accumulate: fc.boolean(),
    halos: fc.tuple(halo, halo, halo),
    special: fc.boolean(),
    seed: fc.nat(1000),
  })
  .map(({ g, whole, used, ...rest }) => ({
    ...rest,
    g: whole ? { ...g, window: [g.H, g.W] as const } : g,
    batch: 1 + Math.floor(used * (g.N - 1)),
  }))
  .filter(({ g }) => poolOutputHeight(g) > 0 && poolOutputWidth(g) > 0);

describe.each(moduleNames)("%s", (name) => {
  const reason = reasonToSkip(name);
  if (reason !== undefined) {
    test.skip(reason);
    return;
  }
  const pair = sides(name);
  const run = (kind: "maxPool" | "averagePool", { g, batch, accumulate, halos, special, seed }: Case) => {
    const input = [g.C, g.H, g.W] as const;
    const output = [g.C, poolOutputHeight(g), poolOutputWidth(g)] as const;
    const values = (key: string, [C, H, W]: readonly number[], odd: boolean) =>
      someFloats(`${key}/${seed}`, batch * C * H * W, odd);
    return play(pair, g.N, batch, (stage) => {
      const pool = stage.backend[kind](g);
      const y = stage.tensor(output, halos[1]);
      pool.forward(batch, stage.tensor(input, halos[0], values("x", input, special)), y);
      const dy = stage.tensor(output, halos[2], values("dy", output, false));
      const dx = stage.tensor(input, halos[1], accumulate ? values("dx", input, false) : undefined);
      pool.backward(batch, dy, dx, accumulate);
      return [stage.read(y), stage.read(dx)];
    });
  };

  test("max pooling agrees with the reference exactly, ties, NaN and empty windows included", () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const { actual, expected } = run("maxPool", drawn);
        expectSame(actual, expected);
      }),
      { numRuns: 400 },
    );
  });

  test("average pooling agrees with the reference, its forward pass exactly", () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const { actual, expected } = run("averagePool", drawn);
        expectSame([actual[0]], [expected[0]]);
        expectClose(actual[1], expected[1], 4e-7, 4e-7);
      }),
      { numRuns: 400 },
    );
  });

  test("global average pooling is the case of a window as large as the image", () => {
    const g: PoolGeometry = { N: 2, C: 1, H: 2, W: 2, window: [2, 2], stride: [1, 1], padding: [0, 0, 0, 0] };
    const { actual } = play(pair, 2, 2, (stage) => {
      const y = stage.tensor([1, 1, 1], [0, 0]);
      const x = stage.tensor([1, 2, 2], [1, 1], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      stage.backend.averagePool(g).forward(2, x, y);
      return [stage.read(y)];
    });
    expect([...actual[0]]).toEqual([2.5, 6.5]);
  });
});
