/** Every accelerator keeps the laws of `conformance.ts`, with several settings each. */
import { describe, expect, test } from "vitest";
import { type BitTacticalParams, bitTactical } from "../../../src/sim/arrays/bit-tactical.ts";
import { type DaDianNaoParams, dadiannao } from "../../../src/sim/arrays/dadiannao.ts";
import { type TensorDashParams, tensordash } from "../../../src/sim/arrays/tensordash.ts";
import { type ConformanceProperty, conformanceProperties } from "../../../src/sim/conformance/conformance.ts";
import { type Operation, operandsOf } from "../../../src/sim/operation/operation.ts";

const array = { lanes: 16, rows: 4, columns: 4, tiles: 1, batch: "image", dealing: "filters" } as const;
const tiled = { ...array, rows: 3, columns: 5, tiles: 4, batch: "fold", dealing: "sets" } as const;
const tailed = { ...array, lanes: 8, rows: 16, columns: 2, tiles: 3, batch: "fold" } as const;
const wide = { ...array, lanes: 32, rows: 1, columns: 1, tiles: 2, dealing: "sets" } as const;
const T25 = { lookahead: 2, lookaside: 5, shape: "T" } as const;
const T77 = { lookahead: 7, lookaside: 7, shape: "T" } as const;
const L43 = { lookahead: 4, lookaside: 3, shape: "L" } as const;
const sparser = { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" } as const;

const dense: readonly DaDianNaoParams[] = [
  { ...array, foldStridedInput: 3 },
  { ...tiled, foldStridedInput: 0 },
  { ...tailed, foldStridedInput: 3 },
];
const scheduled: readonly BitTacticalParams[] = [
  { ...array, ...T25, foldStridedInput: 3, reschedulingCyclesPerLine: 1 },
  { ...tiled, ...T77, foldStridedInput: 0, reschedulingCyclesPerLine: 2 },
  { ...tailed, ...L43, foldStridedInput: 3, reschedulingCyclesPerLine: 0 },
  { ...wide, ...T25, lookaside: 0, foldStridedInput: 3, reschedulingCyclesPerLine: 1 },
];
const dynamic: readonly TensorDashParams[] = [
  { ...array, ...T25, banks: 17, sides: "one", operand: sparser },
  { ...tiled, ...T77, banks: 16, sides: "one", operand: sparser },
  {
    ...tailed,
    ...L43,
    banks: 8,
    sides: "one",
    operand: { forward: "input", inputGrad: "outputGrad", weightGrad: "input" },
  },
  {
    ...wide,
    ...T25,
    banks: 16,
    sides: "one",
    operand: { forward: "weight", inputGrad: "weight", weightGrad: "outputGrad" },
  },
  { ...array, ...T25, rows: 1, columns: 1, tiles: 5, dealing: "sets", banks: 17, sides: "two", operand: sparser },
  { ...tailed, ...T77, rows: 3, banks: 8, sides: "two", operand: sparser },
];

/** Names of the laws that are broken, with what was found. */
function faultsOf(properties: readonly ConformanceProperty[]): string[] {
  const faults: string[] = [];
  for (const { name, check } of properties) {
    try {
      check();
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
    }
  }
  return faults;
}

describe("conformance", () => {
  test.each(dense.map((params, i) => [i, params] as const))("dadiannao, setting %i, keeps every law", (_i, params) => {
    expect(faultsOf(conformanceProperties(dadiannao, params))).toEqual([]);
  });

  test.each(scheduled.map((params, i) => [i, params] as const))(
    "bit-tactical, setting %i, keeps every law",
    (_i, params) => {
      expect(faultsOf(conformanceProperties(bitTactical, params))).toEqual([]);
    },
  );

  test.each(dynamic.map((params, i) => [i, params] as const))(
    "tensordash, setting %i, keeps every law",
    (_i, params) => {
      expect(faultsOf(conformanceProperties(tensordash, params))).toEqual([]);
    },
  );

  test("a machine that multiplies faster than its multipliers allow is caught", () => {
    const cheat: typeof dadiannao = {
      ...dadiannao,
      run: (operation, params) => {
        const result = dadiannao.run(operation, params);
        return { ...result, cycles: 1, packedCycles: 1 };
      },
    };
    const faults = faultsOf(conformanceProperties(cheat, { ...array, foldStridedInput: 0 }));
    expect(faults.some((fault) => fault.includes("effectual MACs"))).toBe(true);
    expect(faults.some((fault) => fault.includes("takes no cycles"))).toBe(true);
  });

  test("a machine that sees the dilation of one tap, the order of images, or work in a zero is caught", () => {
    const params = { ...array, foldStridedInput: 0 };
    const odd = (cost: (operation: Operation) => number): typeof dadiannao => ({
      ...dadiannao,
      run: (operation, settings) => {
        const result = dadiannao.run(operation, settings);
        return { ...result, counters: { ...result.counters, cost: cost(operation) } };
      },
    });
    const faults = (machine: typeof dadiannao) => faultsOf(conformanceProperties(machine, params)).join("\n");
    expect(faults(odd(() => 0))).toBe("");
    expect(faults(odd(({ geometry }) => geometry.dilation[0]))).toMatch(/a dilation that reaches nothing changes/);
    const firstOnes = (operation: Operation) => operandsOf(operation).reduce((sum, [, { bytes }]) => sum + bytes[0], 0);
    expect(faults(odd(firstOnes))).toMatch(/the order of images changes the result/);
    const idle: typeof dadiannao = {
      ...dadiannao,
      run: (operation, settings) => {
        const { multiplierCycles: _, ...result } = dadiannao.run(operation, settings);
        const zeros = operandsOf(operation).reduce(
          (sum, [, { bytes }]) => sum + bytes.filter((b) => b === 0).length,
          0,
        );
        return { ...result, multiplierCycles: { occupied: zeros } };
      },
    };
    expect(faults(idle)).toMatch(/a zero more in \w+ adds work/);
  });

  test("a machine that tells more multiplier-cycles than it has multiplier-cycles is caught, and one that tells negative ones", () => {
    const telling = (imbalance: number): typeof dadiannao => ({
      ...dadiannao,
      run: (operation, params) => {
        const result = dadiannao.run(operation, params);
        return { ...result, multiplierCycles: { occupied: 0, ...result.multiplierCycles, imbalance } };
      },
    });
    const faults = (imbalance: number) =>
      faultsOf(conformanceProperties(telling(imbalance), { ...array, foldStridedInput: 0 }));
    expect(faults(1e9).some((fault) => /multiplierCycles: \d+ of \d+ multiplier-cycles/.test(fault))).toBe(true);
    expect(faults(-1).some((fault) => fault.includes("multiplierCycles: imbalance is -1"))).toBe(true);
  });

  test("a machine that gains without any zero is caught", () => {
    const cheat: typeof tensordash = {
      ...tensordash,
      run: (operation, params) => {
        const result = tensordash.run(operation, params);
        const cycles = params.lookahead > 0 ? Math.max(result.packedCycles, result.cycles - 1) : result.cycles;
        return { ...result, cycles, packedCycles: Math.min(result.packedCycles, cycles), baseCycles: result.cycles };
      },
    };
    const faults = faultsOf(conformanceProperties(cheat, dynamic[0]));
    expect(faults.some((fault) => fault.includes("base cycles"))).toBe(true);
  });

  test("a machine that counts work that is not there, or loses some, is caught", () => {
    const counting = (occupied: (did: number, lanes: number) => number): typeof tensordash => ({
      ...tensordash,
      run: (operation, params) => {
        const { multiplierCycles = { occupied: 0 }, ...result } = tensordash.run(operation, params);
        const lanes = result.cycles * tensordash.multipliers(params);
        return {
          ...result,
          multiplierCycles: { ...multiplierCycles, occupied: occupied(multiplierCycles.occupied, lanes) },
        };
      },
    });
    const idle = faultsOf(
      conformanceProperties(
        counting((did, lanes) => lanes - did),
        dynamic[2],
      ),
    );
    expect(idle.some((fault) => fault.includes("adds no work: occupied multiplier-cycles grew"))).toBe(true);
    expect(idle.some((fault) => fault.includes("leaves no work where it is skipped"))).toBe(true);
    const lost = faultsOf(
      conformanceProperties(
        counting((did) => did >> 1),
        dynamic[2],
      ),
    );
    expect(lost.some((fault) => fault.includes("effectual MACs"))).toBe(true);
  });
});
