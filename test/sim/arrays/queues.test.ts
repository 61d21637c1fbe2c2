/** Queue machines against sums over single processing elements, and the bound against counted MACs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { getBit } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { activationQueue } from "../../../src/sim/arrays/activation-queue.ts";
import { ideal } from "../../../src/sim/arrays/ideal.ts";
import { weightQueue } from "../../../src/sim/arrays/weight-queue.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";
import { bruteForceMacs, operations } from "../../support/random-operation.ts";

const PARAMS = { lanes: 4, rows: 3, columns: 2, tiles: 1, batch: "image", dealing: "filters", skipping: true } as const;

const ceil = (a: number, b: number) => Math.ceil(a / b);

/** Sum over groups of `rows` elements of the slowest one's ceil(nonzeros / lanes). */
function slowest(nonzeros: readonly number[]): number {
  let cycles = 0;
  for (let first = 0; first < nonzeros.length; first += PARAMS.rows) {
    cycles += ceil(Math.max(...nonzeros.slice(first, first + PARAMS.rows)), PARAMS.lanes);
  }
  return cycles;
}

const range = (n: number) => [...Array(n).keys()];
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Nonzero inputs under window (p, q) of image n, over the channels of a group. */
function underWindow({ geometry: g, masks }: Operation, n: number, group: number, p: number, q: number): number {
  const channels = g.C / g.groups;
  return sum(
    range(channels * g.R * g.S).map((i) => {
      const [c, r, s] = [Math.floor(i / (g.R * g.S)), Math.floor(i / g.S) % g.R, i % g.S];
      return inputAt({ geometry: g, masks } as Operation, n, group * channels + c, p, q, r, s);
    }),
  );
}

function inputAt({ geometry: g, masks }: Operation, n: number, c: number, p: number, q: number, r: number, s: number) {
  const h = p * g.stride[0] - g.padding[0] + r * g.dilation[0];
  const w = q * g.stride[1] - g.padding[2] + s * g.dilation[1];
  if (h < 0 || h >= g.H || w < 0 || w >= g.W || masks.input === undefined) return 0;
  return getBit(masks.input, n, (c * g.H + h) * g.W + w) ? 1 : 0;
}

test("forward, a weight queue costs each window set the slowest filter of each group", () => {
  fc.assert(
    fc.property(
      operations.filter(({ pass }) => pass === "forward"),
      (operation) => {
        const { geometry: g, masks } = operation;
        const size = (g.C / g.groups) * g.R * g.S;
        const ones = (k: number) => sum(range(size).map((i) => (masks.weight && getBit(masks.weight, k, i) ? 1 : 0)));
        const perWindowSet = sum(
          range(g.groups).map((group) => slowest(range(g.K / g.groups).map((k) => ones((group * g.K) / g.groups + k)))),
        );
        const windowSets = g.N * ceil(outputHeight(g) * outputWidth(g), PARAMS.columns);
        expect(weightQueue.run(operation, PARAMS).cycles).toBe(windowSets * perWindowSet);
      },
    ),
  );
});

test("forward, an activation queue costs each set of filters the slowest window of each group", () => {
  fc.assert(
    fc.property(
      operations.filter(({ pass }) => pass === "forward"),
      (operation) => {
        const { geometry: g } = operation;
        const [P, Q] = [outputHeight(g), outputWidth(g)];
        const cycles = sum(
          range(g.N * g.groups).map((i) => {
            const [n, group] = [i % g.N, Math.floor(i / g.N)];
            return slowest(range(P * Q).map((w) => underWindow(operation, n, group, Math.floor(w / Q), w % Q)));
          }),
        );
        expect(activationQueue.run(operation, PARAMS).cycles).toBe(cycles * ceil(g.K / g.groups, PARAMS.columns));
      },
    ),
  );
});

test("in the weight gradient both cost each kernel position the slowest input channel of each group", () => {
  fc.assert(
    fc.property(
      operations.filter(({ pass }) => pass === "weightGrad"),
      (operation) => {
        const { geometry: g } = operation;
        const [P, Q] = [outputHeight(g), outputWidth(g)];
        const channels = g.C / g.groups;
        const cycles = sum(
          range(g.N * g.groups * g.R * g.S).map((i) => {
            const n = i % g.N;
            const group = Math.floor(i / g.N) % g.groups;
            const tap = Math.floor(i / (g.N * g.groups));
            const nonzeros = range(channels).map((c) =>
              sum(
                range(P * Q).map((at) =>
                  inputAt(
                    operation,
                    n,
                    group * channels + c,
                    Math.floor(at / Q),
                    at % Q,
                    Math.floor(tap / g.S),
                    tap % g.S,
                  ),
                ),
              ),
            );
            return slowest(nonzeros);
          }),
        );
        const expected = cycles * ceil(g.K / g.groups, PARAMS.columns);
        expect(weightQueue.run(operation, PARAMS).cycles).toBe(expected);
        expect(activationQueue.run(operation, PARAMS).cycles).toBe(expected);
      },
    ),
  );
});

test("the bound is effectual MACs over multipliers, and dense MACs without skipping", () => {
  fc.assert(
    fc.property(operations, (operation) => {
      const { dense, effectual } = bruteForceMacs(operation);
      const { cycles, baseCycles } = ideal.run(operation, { multipliers: 7, skipping: true });
      expect(cycles).toBe(ceil(effectual, 7));
      expect(baseCycles).toBe(ceil(dense, 7));
    }),
  );
});
