/**
 * Every multiplier-cycle has one cause, on every shipped machine and pass: sums are exact, and what a machine multiplies
 * inside and outside the image equals loops over all windows and taps.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { type BitMask, getBit, onesMask, setBit, sliceBytes, zerosMask } from "../../../src/core/bit-mask.ts";
import { denseMacs, gridMacs } from "../../../src/core/dense-macs.ts";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../../../src/core/geometry.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import type { MultiplierCycles } from "../../../src/sim/hardware/accelerator.ts";
import { denseTwin, type Machine, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { allPairs, outputGradPairs, weightPairs } from "../../../src/sim/operation/image-padding.ts";
import {
  mapMasks,
  OPERANDS_OF,
  type Operand,
  type Operation,
  PASSES,
  type Pass,
} from "../../../src/sim/operation/operation.ts";
import { operations } from "../../support/random-operation.ts";

type Seen = Operand | "both" | null;

const machines = await loadMachines(["all"]);
const named = (name: string) => machines.find((machine) => machine.name === name) as Machine;
const changed = (name: string, params: Readonly<Record<string, unknown>>) => {
  const { config } = named(name);
  return resolveMachine({ ...config, params: { ...config.params, ...params } }, name, accelerators);
};

/** Settings that no shipped machine has, small enough for random operations to be cut into several sets. */
const small: readonly Machine[] = [
  changed("tensordash", { lanes: 2, rows: 2, columns: 3, tiles: 2, batch: "image" }),
  changed("tensordash", { lanes: 3, rows: 2, columns: 2, tiles: 1, batch: "fold" }),
  changed("tensordash", { lanes: 2, rows: 2, columns: 2, tiles: 2, sides: "two" }),
  changed("bit-tactical", { lanes: 2, rows: 3, columns: 2, tiles: 2, batch: "image" }),
  changed("weight-queue", { lanes: 2, rows: 2, columns: 2, batch: "fold" }),
  changed("activation-queue", { lanes: 2, rows: 2, columns: 2, batch: "image" }),
  changed("sparse-tensor-core", { lanes: 4, rows: 2, columns: 3, tiles: 2 }),
  changed("two-sided", { units: 2, clusters: 3, lanes: 2 }),
  changed("procrustes", { arrays: 3, rows: 2, columns: 2 }),
  changed("systolic", { arrays: 3, rows: 2, columns: 3 }),
  changed("sigma", { arrays: 3, multipliers: 4, distributionBandwidth: 4, reductionBandwidth: 4 }),
  changed("scnn", { arrays: 3, peRows: 2, peColumns: 1, weightGradient: "positions" }),
  changed("systolic", { overlap: false, rows: 3, columns: 2, dataflow: "os" }),
  changed("systolic", { overlap: false, rows: 3, columns: 2, dataflow: "is", sparsity: { n: 2, m: 4, mode: "layer" } }),
  changed("systolic", { overlap: false, rows: 2, columns: 3, dataflow: "ws", sparsity: { n: 1, m: 2, mode: "row" } }),
  changed("mesh-4096", {
    arrays: 1,
    rows: 3,
    columns: 5,
    tileRows: 2,
    distributionBandwidth: 2,
    reductionBandwidth: 3,
  }),
  changed("mesh-4096", {
    ...{ arrays: 2, rows: 4, columns: 4, distributionBandwidth: 4 },
    bus: "hashed",
    drain: "half",
    overlap: false,
  }),
  changed("sigma", { multipliers: 8, distributionBandwidth: 8, reductionBandwidth: 8 }),
  changed("sigma", {
    ...{ multipliers: 8, distributionBandwidth: 2, reductionBandwidth: 3, batch: "image" },
    ...{ bus: "hashed", drain: "half", overlap: false, partialSums: "first" },
    stationary: { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" },
  }),
  changed("ideal-4096", { multipliers: 7 }),
];

function total({ occupied, ...rest }: MultiplierCycles): number {
  return Object.values(rest).reduce((sum: number, count) => sum + count, occupied);
}

/** Runs an operation and checks that its multiplier-cycles are counts that add up; returns them. */
function multiplierCyclesOf({ name, accelerator, params, multipliers }: Machine, operation: Operation) {
  const result = accelerator.run(operation, params);
  const multiplierCycles = result.multiplierCycles as MultiplierCycles;
  const where = `${name} ${JSON.stringify(params)} ${operation.pass} ${JSON.stringify(operation.geometry)}`;
  for (const [cause, count] of Object.entries(multiplierCycles)) {
    expect(Number.isSafeInteger(count) && count >= 0, `${where}: ${cause} is ${count}`).toBe(true);
  }
  expect(total(multiplierCycles), where).toBe(multipliers * result.cycles);
  return { where, multiplierCycles, counters: result.counters, scheduled: result.scheduled as Seen };
}

/** Pairs whose elements that `seen` looks at are nonzero, one window and tap at a time; the padding is a zero of its operand. */
function naivePairs(
  { pass, geometry: g, masks }: Pick<Operation, "pass" | "geometry" | "masks">,
  seen: Seen,
): { inside: number; outside: number } {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const padded: Operand = pass === "inputGrad" ? "outputGrad" : "input";
  const looksAt = (operand: Operand) =>
    OPERANDS_OF[pass].some((name) => name === operand) && (seen === operand || seen === "both");
  const isSet = (operand: Operand, slice: number, index: () => number) =>
    !looksAt(operand) || getBit(masks[operand] as BitMask, slice, index());
  const pairs = { inside: 0, outside: 0 };
  const visit = (n: number, k: number, c: number, [h, w]: number[], [p, q]: number[], [r, s]: number[]) => {
    const exists = h >= 0 && h < g.H && w >= 0 && w < g.W && p >= 0 && p < P && q >= 0 && q < Q;
    if (!exists && looksAt(padded)) return;
    const channel = Math.floor(k / outputs) * inputs + c;
    if (!isSet("weight", k, () => (c * g.R + r) * g.S + s)) return;
    if (!exists) {
      // The other operand of the pair exists: a weight, or a gradient of weightGrad.
      if (pass === "weightGrad" && !isSet("outputGrad", n, () => (k * P + p) * Q + q)) return;
      pairs.outside++;
      return;
    }
    if (!isSet("input", n, () => (channel * g.H + h) * g.W + w)) return;
    if (isSet("outputGrad", n, () => (k * P + p) * Q + q)) pairs.inside++;
  };
  const range = (extent: number) => [...Array(Math.max(0, extent)).keys()];
  for (const n of range(g.N)) {
    for (const k of range(g.K)) {
      for (const c of range(inputs)) {
        for (const r of range(g.R)) {
          for (const s of range(g.S)) {
            // Windows of an input gradient lie on the input: the gradients that a stride brings under the tap.
            if (pass === "inputGrad") {
              for (const h of range(g.H)) {
                for (const w of range(g.W)) {
                  const p = (h + g.padding[0] - r * g.dilation[0]) / g.stride[0];
                  const q = (w + g.padding[2] - s * g.dilation[1]) / g.stride[1];
                  if (Number.isInteger(p) && Number.isInteger(q)) visit(n, k, c, [h, w], [p, q], [r, s]);
                }
              }
              continue;
            }
            for (const p of range(P)) {
              for (const q of range(Q)) {
                const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
                const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
                visit(n, k, c, [h, w], [p, q], [r, s]);
              }
            }
          }
        }
      }
    }
  }
  return pairs;
}

/** Image `n` of an operation. */
function imageOf(operation: Operation, n: number): Operation {
  return mapMasks({ ...operation, geometry: { ...operation.geometry, N: 1 } }, (mask, operand) => {
    if (operand === "weight") return mask;
    const stride = sliceBytes(mask.shape);
    return { shape: [1, ...mask.shape.slice(1)], bytes: mask.bytes.subarray(n * stride, (n + 1) * stride) };
  });
}

/** Whether structured weights are held of some sets only, or with the zeros at positions that all filters share. */
function holdsSomeZeros({ config, params }: Machine, counters: Readonly<Record<string, number>>): boolean {
  const { sparsity } = params as { sparsity?: { mode: string } };
  return config.accelerator === "systolic"
    ? counters.structured === 1 && sparsity?.mode === "layer"
    : counters.structuredSets > 0 && counters.structuredSets < counters.sets;
}

describe("the multiplier-cycles of an operation", () => {
  it.each([...machines, ...small])(
    "add up on $name, and split what is multiplied at the edge of the image",
    (machine) => {
      fc.assert(
        fc.property(operations, (operation) => {
          const { where, multiplierCycles, counters, scheduled } = multiplierCyclesOf(machine, operation);
          multiplierCyclesOf(machine, { ...operation, paddingAsNonzeros: true });
          const { occupied, imagePadding = 0, redundant = 0 } = multiplierCycles;
          const { pass } = operation;
          expect(occupied, where).toBeGreaterThanOrEqual(naivePairs(operation, "both").inside);
          expect(imagePadding, where).toBeLessThanOrEqual(allPairs(pass, operation.geometry).outside);
          if (holdsSomeZeros(machine, counters)) return;
          const perImage = machine.config.accelerator === "tensordash" && machine.params.batch === "image";
          const pieces = perImage
            ? Array.from({ length: operation.geometry.N }, (_, n) => imageOf(operation, n))
            : [operation];
          const naive = { inside: 0, outside: 0 };
          for (const piece of pieces) {
            const { inside, outside } = naivePairs(piece, multiplierCyclesOf(machine, piece).scheduled);
            naive.inside += inside;
            naive.outside += outside;
          }
          expect(occupied, where).toBe(naive.inside);
          // Procrustes scatters gradients, so that in inputGrad not an operand but a result may be missing.
          const scatters = machine.config.accelerator === "procrustes" && pass === "inputGrad";
          if (!scatters) expect(imagePadding, where).toBe(naive.outside);
          else expect(redundant).toBe(naivePairs({ ...operation, pass: "forward" }, scheduled).outside);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(machines.map((machine) => denseTwin(machine)).filter(({ config }) => config.accelerator !== "scnn"))(
    "add up on $name",
    (machine) => {
      fc.assert(
        fc.property(operations, (operation) => {
          const { multiplierCycles, scheduled } = multiplierCyclesOf(machine, operation);
          expect(scheduled).toBeNull();
          expect(multiplierCycles.occupied).toBe(denseMacs(operation.geometry));
        }),
        { numRuns: 20 },
      );
    },
  );
});

describe("image padding", () => {
  const conv: ConvGeometry = {
    ...{ N: 2, C: 20, H: 6, W: 6, K: 24, R: 3, S: 3, groups: 1 },
    ...{ stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] },
  };
  const dense = (pass: Pass): Operation => ({
    ...{ pass, layer: "conv", geometry: conv, topKPeriod: 1 },
    masks: {
      weight: onesMask(weightShape(conv)),
      input: onesMask(inputShape(conv)),
      outputGrad: onesMask(outputShape(conv)),
    },
  });

  it.each(["dadiannao", "mesh-4096", "systolic-4096", "sparse-tensor-core"])(
    "of a 3×3 convolution on %s, which skips nothing of it: (3·6)² taps of which (3·6 − 2)² lie inside, for every pair of channels",
    (name) => {
      for (const pass of PASSES) {
        const { multiplierCycles } = multiplierCyclesOf(named(name), dense(pass));
        expect(multiplierCycles.imagePadding).toBe(gridMacs(conv) - denseMacs(conv));
        expect(multiplierCycles.imagePadding).toBe(2 * 20 * 24 * ((3 * 6) ** 2 - (3 * 6 - 2) ** 2));
      }
    },
  );

  it.each(["activation-queue", "two-sided", "scnn"])("costs %s nothing, which looks at the padded operand", (name) => {
    for (const pass of PASSES) {
      const { multiplierCycles } = multiplierCyclesOf(named(name), dense(pass));
      expect(multiplierCycles.imagePadding ?? 0).toBe(0);
      expect(multiplierCycles.occupied).toBe(denseMacs(conv));
    }
  });

  it("costs TensorDash nothing where the padded operand is on its rows, and all of it where the other one is", () => {
    const padded: Readonly<Record<Pass, Operand>> = { forward: "input", inputGrad: "outputGrad", weightGrad: "input" };
    for (const pass of PASSES) {
      const other = OPERANDS_OF[pass].find((operand) => operand !== padded[pass]) as Operand;
      const paddingOn = (operand: Operand) =>
        multiplierCyclesOf(changed("tensordash", { operand: { [pass]: operand } }), dense(pass)).multiplierCycles
          .imagePadding;
      expect(paddingOn(padded[pass])).toBe(0);
      expect(paddingOn(other)).toBe(gridMacs(conv) - denseMacs(conv));
    }
  });

  it("of the nonzeros of one operand equals loops over all windows and taps; images add up", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { pass, geometry } = operation;
        expect(allPairs(pass, geometry)).toEqual(naivePairs(operation, null));
        if (pass !== "weightGrad") {
          expect(weightPairs(operation)).toEqual(naivePairs(operation, "weight"));
          return;
        }
        expect(outputGradPairs(operation)).toEqual(naivePairs(operation, "outputGrad"));
        for (let n = 0; n < geometry.N; n++) {
          expect(outputGradPairs(operation, n, n + 1)).toEqual(naivePairs(imageOf(operation, n), "outputGrad"));
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** A linear layer of `columns` images whose filters have nonzeros at `positions`. */
function linear(positions: readonly (readonly number[])[], length: number, columns: number): Operation {
  const geometry = linearGeometry(columns, length, positions.length);
  const weight = zerosMask(weightShape(geometry));
  positions.forEach((ones, filter) => {
    for (const k of ones) setBit(weight, filter, k);
  });
  const masks = { weight, input: onesMask(inputShape(geometry)) };
  return { pass: "forward", layer: "linear", geometry, masks, topKPeriod: 1 };
}

describe("multiplier-cycles that do not multiply", () => {
  const every = (count: number) => [...Array(count).keys()];

  it("of a systolic array: the skew of every fold, rows without a reduction element, columns without a filter", () => {
    // ws: 10 elements on 4 rows, 5 filters on 3 columns, 7 windows: 3 × 2 folds of 7 + 4 + 4 + 3 − 2 cycles.
    const machine = changed("systolic", { overlap: false, rows: 4, columns: 3, dataflow: "ws" });
    expect(multiplierCyclesOf(machine, linear([[], [], [], [], []], 10, 7)).multiplierCycles).toEqual({
      occupied: 5 * 10 * 7,
      imagePadding: 0,
      lanePadding: (3 * 4 - 10) * 5 * 7,
      imbalance: 3 * 4 * (2 * 3 - 5) * 7,
      fillDrain: 3 * 2 * 12 * (4 + 4 + 3 - 2),
    });
  });

  it("of packed weights: slots of a block that no filter fills, and zeros that are held because another filter needs them", () => {
    const weights = [[0, 4], [4], [], [], []];
    const structured = (mode: string) => {
      const machine = changed("systolic", {
        overlap: false,
        rows: 4,
        columns: 3,
        dataflow: "ws",
        sparsity: { n: 2, m: 4, mode },
      });
      return multiplierCyclesOf(machine, linear(weights, 8, 7)).multiplierCycles;
    };
    // 4 slots on 4 rows. Shared, two positions are held for all filters; row by row, each filter holds its nonzeros.
    const idle = { imagePadding: 0, lanePadding: 0, fillDrain: 2 * 12 * (4 + 4 + 3 - 2) };
    expect(structured("layer")).toEqual({ ...idle, occupied: 2 * 5 * 7, imbalance: (2 * 5 + 4) * 7 });
    expect(structured("row")).toEqual({ ...idle, occupied: 3 * 7, imbalance: (4 * 5 - 3 + 4) * 7 });
  });

  it("of a structured array: only the sets that fit the pattern are packed, the others multiply their zeros", () => {
    const machine = changed("sparse-tensor-core", { lanes: 4, rows: 1, columns: 1, tiles: 1, n: 2, m: 4 });
    const { multiplierCycles, counters } = multiplierCyclesOf(
      machine,
      linear(
        [
          [0, 1, 2, 3, 4],
          [0, 5],
        ],
        8,
        3,
      ),
    );
    expect(counters).toMatchObject({ sets: 2, structuredSets: 1 });
    expect(multiplierCycles).toMatchObject({
      occupied: (8 + 2) * 3,
      imbalance: (4 - 2) * 3,
      lanePadding: 0,
      movement: 0,
    });
  });

  it("of a mesh: places outside a tile, and the time until operands are in and results are out", () => {
    const machine = changed("mesh-4096", {
      arrays: 1,
      rows: 4,
      columns: 8,
      distributionBandwidth: 12,
      reductionBandwidth: 32,
    });
    // 5 filters on 4 rows, 16 windows on 8 columns: 4 tiles of 20 cycles that overlap.
    // The last one, of one row, has none to overlap with.
    expect(multiplierCyclesOf(machine, linear([[], [], [], [], []], 20, 16)).multiplierCycles).toEqual({
      occupied: 5 * 16 * 20,
      imagePadding: 0,
      imbalance: (4 * 32 - 5 * 16) * 20,
      fillDrain: 32 * (1 + 8 + 2),
    });
  });

  it("of a flexible array: a folded vector is no multiple of it, vectors side by side may not fill it", () => {
    const machine = changed("sigma", { multipliers: 4, distributionBandwidth: 4, reductionBandwidth: 4 });
    // 9 nonzeros: 4, then the partial sum and 3, then the partial sum, 2 and an empty leaf.
    const folded = multiplierCyclesOf(machine, linear([every(9)], 9, 6)).multiplierCycles;
    expect(folded).toMatchObject({ occupied: 9 * 6, lanePadding: 3 * 6, imbalance: 0 });
    const packed = multiplierCyclesOf(machine, linear([every(3), every(3)], 9, 6)).multiplierCycles;
    expect(packed).toMatchObject({ occupied: 6 * 6, lanePadding: 0, imbalance: 2 * 6 });
    expect(packed.fillDrain).toBeGreaterThan(0);
  });

  it("of the ideal machine: its last cycle", () => {
    const { multiplierCycles } = multiplierCyclesOf(
      changed("ideal-4096", { multipliers: 7 }),
      linear([every(5)], 9, 2),
    );
    expect(multiplierCycles).toEqual({ occupied: 10, imbalance: 4 });
  });

  it("of SCNN without skipping: no more than it has, the rest untold", () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { accelerator, params, multipliers } = denseTwin(named("scnn"));
        const { multiplierCycles, cycles } = accelerator.run(operation, params);
        expect(multiplierCycles?.occupied).toBe(denseMacs(operation.geometry));
        expect(total(multiplierCycles as MultiplierCycles)).toBeLessThanOrEqual(multipliers * cycles);
      }),
      { numRuns: 50 },
    );
  });
});
