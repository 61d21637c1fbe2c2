import fc from "fast-check";
import { expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import { activeCount, regrow, sparsitiesOf } from "../../../src/sparsity/masks/rigl.ts";

const connection = fc.record({
  active: fc.boolean(),
  value: fc.integer({ min: -3, max: 3 }),
  grad: fc.integer({ min: -3, max: 3 }),
});

test("an update keeps the number of connections, drops the smallest weights and grows the largest gradients", () => {
  fc.assert(
    fc.property(
      fc.array(connection, { minLength: 1, maxLength: 30 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, share) => {
        const before = Uint8Array.from(list, ({ active }) => Number(active));
        const values = Float32Array.from(list, ({ value }, i) => (before[i] === 1 ? value : 0));
        const momentum = Float32Array.from(before, (one, i) => (one === 1 ? i + 1 : 0));
        const active = [...before.keys()].filter((i) => before[i] === 1);
        const k = Math.floor(share * active.length);
        const byWeight = [...active].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);
        const stay = byWeight.slice(0, active.length - k);
        const grads = list.map(({ grad }) => Math.abs(grad));
        const rest = [...before.keys()].filter((i) => !stay.includes(i));
        const expected = [...stay, ...rest.sort((a, b) => grads[b] - grads[a] || a - b).slice(0, k)];
        const weights = { values: values.slice(), grad: Float32Array.from(list, ({ grad }) => grad), momentum };
        const after = before.slice();
        const change = regrow(weights, after, k);
        expect(Array.from(after)).toEqual(list.map((_, i) => Number(expected.includes(i))));
        expect(change).toEqual({ dropped: k, grown: expected.filter((i) => before[i] === 0).length });
        // Only what was active before and is active now keeps its weight and momentum.
        list.forEach((_, i) => {
          const lives = before[i] === 1 && after[i] === 1;
          expect([weights.values[i], momentum[i]]).toEqual([lives ? values[i] : 0, lives ? i + 1 : 0]);
        });
      },
    ),
  );
});

test("1,000 weights at 0.7 keep 300 connections", () => {
  expect(activeCount(0.7, 1000)).toBe(300);
});

test("an Erdős–Rényi kernel distribution spends the budget of whole zeros", () => {
  const extent = fc.integer({ min: 1, max: 64 });
  const shapes = fc.array(fc.tuple(extent, extent, fc.constantFrom(1, 3), fc.constantFrom(1, 3)), {
    minLength: 2,
    maxLength: 8,
  });
  fc.assert(
    fc.property(shapes, fc.double({ min: 0, max: 0.99, noNaN: true }), (layers, sparsity) => {
      const sparsities = sparsitiesOf(
        layers.map((shape, i) => ({ shape, isExempt: i === 0 })),
        "erk",
        sparsity,
      );
      expect(sparsities[0]).toBe(0);
      const zeros = (share: (i: number) => number) =>
        layers.slice(1).reduce((sum, shape, i) => sum + share(i + 1) * sizeOf(shape), 0);
      const budget = layers.slice(1).reduce((sum, shape) => sum + Math.floor(sparsity * sizeOf(shape)), 0);
      expect(zeros((i) => sparsities[i])).toBeCloseTo(budget, 6);
    }),
  );
});
