/**
 * On-chip buffers line by line: equality with a plain model that ticks once a cycle, laws, and the settings of a machine.
 * DNNsim's own counts are compared in `accelerators/goldens.test.ts`.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BitMask } from "../../../../src/core/bit-mask.ts";
import { type BitTacticalParams, bitTactical } from "../../../../src/sim/arrays/bit-tactical.ts";
import { type DaDianNaoParams, dadiannao } from "../../../../src/sim/arrays/dadiannao.ts";
import { lineJobs } from "../../../../src/sim/arrays/lanes/on-chip/line-jobs.ts";
import { runLines } from "../../../../src/sim/arrays/lanes/on-chip/run-lines.ts";
import type { LineDetail, LineResult } from "../../../../src/sim/hardware/line-detail.ts";
import { windowGrids } from "../../../../src/sim/operation/channel-first.ts";
import type { Operation } from "../../../../src/sim/operation/operation.ts";
import { operations } from "../../../support/random-operation.ts";
import { type PlainArray, plainLines } from "./plain-lines.ts";

const between = (min: number, max: number) => fc.integer({ min, max });
const banked = { banks: between(1, 9), bankBits: fc.constantFrom(1, 64, 100, 128, 256) };

/** Odd settings of every kind. */
const details: fc.Arbitrary<LineDetail> = fc.record({
  activationBits: fc.constantFrom(5, 8, 16),
  weightBits: fc.constantFrom(4, 8, 16),
  sumBits: fc.constantFrom(16, 32),
  addressBits: fc.constantFrom(16, 64),
  activations: fc.record({ ...banked, readCycles: between(0, 5) }),
  weights: fc.record({ ...banked, banks: between(1, 40), readCycles: between(0, 5) }),
  outputs: fc.record({ ...banked, writeCycles: between(0, 7) }),
  activationBuffer: fc.record({ rows: between(1, 4), readCycles: between(0, 4) }),
  weightBuffer: fc.record({ rows: between(1, 4), readCycles: between(0, 4) }),
  outputBuffer: fc.record({ rows: between(1, 3), writeCycles: between(0, 4) }),
  composer: fc.record({ inputs: between(1, 4), cycles: between(0, 3) }),
  postProcessing: fc.record({ inputs: between(1, 20), cycles: between(0, 3) }),
  outputWriters: fc.constantFrom("all", "closing"),
});

const sizes = { lanes: between(1, 5), rows: between(1, 3), columns: between(1, 4), tiles: between(1, 3) };

const arrays: fc.Arbitrary<PlainArray> = fc.record({
  ...sizes,
  lookahead: between(0, 3),
  lookaside: between(0, 4),
  shape: fc.constantFrom("T", "L"),
});

const params: fc.Arbitrary<BitTacticalParams> = fc.record({
  ...sizes,
  batch: fc.constantFrom("image", "fold"),
  dealing: fc.constantFrom("filters", "sets"),
  lookahead: between(0, 3),
  lookaside: between(0, 4),
  shape: fc.constantFrom("T", "L"),
  foldStridedInput: between(0, 4),
  reschedulingCyclesPerLine: fc.constant(1),
});

const linesOfTactical = (operation: Operation, own: BitTacticalParams, line: LineDetail) =>
  bitTactical.runLines?.(operation, own, line) as LineResult;
const linesOfDense = (operation: Operation, own: DaDianNaoParams, line: LineDetail) =>
  dadiannao.runLines?.(operation, own, line) as LineResult;

/** Buffers that never make the array wait. */
const BANKS = 4096;
const free: LineDetail = {
  ...{ activationBits: 16, weightBits: 16, sumBits: 32, addressBits: 64 },
  activations: { banks: BANKS, bankBits: 65_536, readCycles: 0 },
  weights: { banks: BANKS, bankBits: 65_536, readCycles: 0 },
  outputs: { banks: BANKS, bankBits: 65_536, writeCycles: 0 },
  activationBuffer: { rows: 1000, readCycles: 0 },
  weightBuffer: { rows: 1000, readCycles: 0 },
  outputBuffer: { rows: 1000, writeCycles: 0 },
  composer: { inputs: 256, cycles: 0 },
  postProcessing: { inputs: 256, cycles: 0 },
  outputWriters: "all",
};
/** Stages that an item passes after the cycle in which it is read. */
const DEPTH = 5;

const withoutFold = { batch: "image", dealing: "filters", foldStridedInput: 0, reschedulingCyclesPerLine: 1 } as const;

describe("on-chip buffers line by line", () => {
  it("equal a plain model that ticks once a cycle and lists every address, in cycles and all counters", () => {
    const forward = operations.filter(({ pass, geometry: { groups } }) => pass === "forward" && groups === 1);
    fc.assert(
      fc.property(forward, arrays, details, (operation, array, line) => {
        const geometry = { ...operation.geometry, N: 1 };
        const one = { ...operation, geometry };
        const plain = plainLines(operation.masks.weight as BitMask, geometry, array, line);
        expect(linesOfTactical(one, { ...array, ...withoutFold }, line)).toEqual(plain);
        if (array.lookahead === 0) expect(linesOfDense(one, { ...array, ...withoutFold }, line)).toEqual(plain);
        // Images run one after the other, each from an empty pipeline.
        const { cycles } = linesOfTactical(operation, { ...array, ...withoutFold }, line);
        expect(cycles).toBe(plain.cycles * operation.geometry.N);
      }),
      { numRuns: 600 },
    );
  });

  it("take the compute cycles of the array and never less time, in every pass and with every rule", () => {
    fc.assert(
      fc.property(operations, params, details, (operation, own, line) => {
        for (const [result, lines] of [
          [bitTactical.run(operation, own), linesOfTactical(operation, own, line)],
          [dadiannao.run(operation, own), linesOfDense(operation, own, line)],
        ] as const) {
          expect(lines.computeCycles).toBe(result.cycles);
          expect(lines.cycles).toBeGreaterThanOrEqual(lines.computeCycles);
          for (const count of Object.values(lines.counters))
            expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("ask for all that a dense array reads and writes, in every pass, one address an access", () => {
    fc.assert(
      fc.property(operations, params, details, (operation, own, other) => {
        const { pass, geometry: g } = operation;
        const narrow = { bankBits: other.addressBits };
        const line: LineDetail = {
          ...other,
          activations: { ...other.activations, ...narrow },
          weights: { ...other.weights, ...narrow },
          outputs: { ...other.outputs, ...narrow },
        };
        const dense: DaDianNaoParams = { ...own, foldStridedInput: 0, dealing: "filters", batch: "image" };
        const { counters } = linesOfDense(operation, dense, line);
        const addresses = (values: number, bits: number) => Math.ceil(values / Math.floor(line.addressBits / bits));
        const cut = (all: number, size: number) =>
          Array.from({ length: Math.ceil(all / size) }, (_, i) => Math.min(size, all - i * size));
        const sum = (parts: readonly number[]) => parts.reduce((a, b) => a + b, 0);
        const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
        const outputBits = pass === "weightGrad" ? line.sumBits : line.activationBits;
        if (outputBits > line.addressBits) return;
        const sets = cut(pass === "inputGrad" ? inputs : outputs, dense.rows);
        const expected = { activations: 0, weights: 0, outputs: 0 };
        for (const { height, width, taps } of windowGrids(pass === "inputGrad" ? pass : "forward", g)) {
          const positions = height * width;
          const isGradient = pass === "weightGrad";
          const columns = cut(isGradient ? inputs : positions, dense.columns);
          const rounds = isGradient ? taps.length : 1;
          const blocks = cut(pass === "inputGrad" ? outputs : inputs, dense.lanes);
          const lines = isGradient ? Math.ceil(positions / dense.lanes) : taps.length * blocks.length;
          const perPosition =
            taps.length * sum((isGradient ? columns : blocks).map((n) => addresses(n, line.activationBits)));
          expected.activations += positions * perPosition * Math.ceil(sets.length / dense.tiles);
          const perLine = dense.rows * addresses(dense.lanes, line.weightBits);
          expected.weights += rounds * columns.length * sets.length * lines * perLine;
          expected.outputs += rounds * sum(columns.flatMap((c) => sets.map((r) => addresses(c * r, outputBits))));
        }
        const times = g.N * g.groups;
        expect(counters).toMatchObject({
          activationBankReads: times * expected.activations,
          weightBankReads: times * expected.weights,
          outputBankWrites: times * expected.outputs,
        });
      }),
      { numRuns: 500 },
    );
  });

  it("are the same whether step groups that repeat are made once or anew", () => {
    fc.assert(
      fc.property(operations, params, details, ({ pass, geometry }, own, line) => {
        const anew = function* () {
          for (const job of lineJobs(pass, geometry, own, line)) {
            yield { ...job, layout: (outerSet: number) => ({ start: 0, shape: `${outerSet}` }) };
          }
        };
        expect(runLines(lineJobs(pass, geometry, own, line), own, line, 1)).toEqual(runLines(anew(), own, line, 1));
      }),
      { numRuns: 500 },
    );
  });

  it("deal sets to one tile alike by both rules", () => {
    fc.assert(
      fc.property(operations, params, details, (operation, own, line) => {
        const [filters, sets] = (["filters", "sets"] as const).map((dealing) =>
          linesOfTactical(operation, { ...own, tiles: 1, dealing }, line),
        );
        expect(filters).toEqual(sets);
      }),
      { numRuns: 200 },
    );
  });

  it("have no more conflicts with twice the banks; more waiting lines may cost cycles, as all reads share one ready time", () => {
    fc.assert(
      fc.property(operations, params, details, (operation, own, line) => {
        const twice = <T extends { banks: number }>(part: T): T => ({ ...part, banks: 2 * part.banks });
        const { counters } = linesOfTactical(operation, own, line);
        const doubled = linesOfTactical(operation, own, {
          ...line,
          activations: twice(line.activations),
          weights: twice(line.weights),
          outputs: twice(line.outputs),
        }).counters;
        for (const part of ["activation", "weight", "output"]) {
          expect(doubled[`${part}BankConflicts`]).toBeLessThanOrEqual(counters[`${part}BankConflicts`]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("add the depth of the pipeline where nothing makes the array wait", () => {
    fc.assert(
      fc.property(operations, params, (operation, own) => {
        const { cycles, computeCycles, counters } = linesOfTactical(operation, own, free);
        const streams = own.batch === "image" ? operation.geometry.N : 1;
        expect(cycles).toBe(computeCycles === 0 ? 0 : computeCycles + DEPTH * streams);
        expect(counters.activationBankConflicts + counters.weightBankConflicts + counters.outputBankConflicts).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
