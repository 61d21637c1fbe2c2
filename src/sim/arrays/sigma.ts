/**
 * SIGMA: a flexible array for sparse matrix products. The nonzeros of a stationary matrix fill the multipliers, vector after
 * vector; the other matrix streams past, its zeros included, and one reduction tree adds up dot products of any length
 * side by side. Time depends on the stationary zeros only. Groups, and images unless folded, follow one another. Several arrays hold
 * the same stationary values and share the streamed vectors.
 * Sources: Qin et al., SIGMA, HPCA 2020; timing of STONNE 22634b8b, whose bus hash, half drain, partial sums first and iterations
 * without overlap are settings. With overlap, ports and bus are the bound and the latency of tree and bus is paid once.
 */

import { type BitMask, countOnes } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator, ComputeResult, MultiplierCycles } from "../hardware/accelerator.ts";
import { arraysParam, choice, integer } from "../hardware/param-schemas.ts";
import { allPairs, outputGradPairs, type Pairs, weightPairs } from "../operation/image-padding.ts";
import type { Operand, Operation } from "../operation/operation.ts";
import { iterationTimer } from "./sigma/iteration-cost.ts";
import { networkParams, portFaults } from "./sigma/network-params.ts";
import { type ProductTotals, packDense, packVectors } from "./sigma/packing.ts";
import { productsOf, SIDES, sideMasks } from "./sigma/products.ts";
import { denseVectors, type VectorSet } from "./sigma/vectors.ts";

const params = Type.Object(
  {
    arrays: arraysParam(
      "Arrays of `multipliers` side by side, each with networks of its own; all hold the same stationary values, and streamed vectors are dispatched to them",
    ),
    multipliers: integer(
      [2, 65536],
      "Leaves of the reduction tree, a power of two; they hold the nonzeros of the stationary matrix",
    ),
    ...networkParams,
    partialSums: choice(
      ["interleaved", "first"],
      "interleaved",
      'How the partial sums of a folded vector share port 0: "interleaved": one more packet a column; "first": before everything else, so that the port starves for as long',
    ),
    stationary: Type.Object(
      {
        forward: Type.Enum(["sparser", "weight", "input"], { default: "weight" }),
        inputGrad: Type.Enum(["sparser", "weight", "outputGrad"], { default: "weight" }),
        weightGrad: Type.Enum(["sparser", "outputGrad", "input"], { default: "sparser" }),
      },
      {
        additionalProperties: false,
        default: { forward: "weight", inputGrad: "weight", weightGrad: "sparser" },
        description: "Operand that is stationary and whose zeros each pass skips; the other one streams",
      },
    ),
    skipping: Type.Boolean({ default: true, description: "Zeros of the stationary operand are left out" }),
  },
  { additionalProperties: false },
);

/** Parameters of SIGMA. */
export type SigmaParams = Static<typeof params>;

/** Multipliers of a Flex-DPE, which its distribution network reaches. */
const FLEX_DPE = 128;

/** The flexible array. */
export const sigma: Accelerator<typeof params> = {
  id: "sigma",
  modelVersion: 1,
  params,
  mappings: {
    forward: {
      lanes: "input channels and kernel positions, nonzeros only",
      rows: "filters side by side in the tree (or windows, where the input is stationary)",
      columns: "windows, one after the other",
      stationary: "weight, or as set",
      skipped: "weight",
      referee: "exact: STONNE, with its settings",
    },
    inputGrad: {
      lanes: "output channels and the kernel positions of one stride phase, nonzeros only",
      rows: "input channels side by side in the tree (or windows, where outputGrad is stationary)",
      columns: "windows of outputGrad, one after the other",
      stationary: "weight, or as set",
      skipped: "weight",
      referee: "property: the same products as forward",
    },
    weightGrad: {
      lanes: "output positions, nonzeros only",
      rows: "output channels, or input channels and kernel positions, whichever operand is sparser",
      columns: "the other, one after the other",
      stationary: "the sparser operand, or as set",
      skipped: "sparser",
      referee: "property: the same products as forward",
    },
  },
  paramFaults,
  multipliers(params) {
    const [fault] = paramFaults(params);
    if (fault !== undefined) throw new Error(`sigma: ${fault}`);
    return (params.arrays ?? 1) * params.multipliers;
  },
  withoutSkipping: (params) => ({ ...params, skipping: false }),
  skippingHardware({ multipliers, skipping }) {
    if (!skipping) return null;
    const ports = Math.max(2, Math.min(multipliers, FLEX_DPE));
    // A Benes network has 2 log2 n - 1 stages; one more adder or bypass is chosen for the product in the tree.
    const operandMuxes = 2 * Math.log2(ports) - 1;
    return { operandMuxes, productMuxes: 1, schedulerBits: 0, schedules: "compute", metadataBits: 1 };
  },
  notCharged: () => ["laying out the windows of a convolution as rows of a matrix", "finding the routes of nonzeros"],
  validation({ pass, geometry, paddingAsNonzeros }, params) {
    if (params.overlap || (params.arrays ?? 1) > 1) return "property";
    const parity = params.bus === "hashed" && params.drain === "half" && params.partialSums === "first";
    const oneProduct = geometry.groups === 1 && (params.batch === "fold" || geometry.N === 1);
    return parity && pass === "forward" && oneProduct && params.skipping && paddingAsNonzeros !== true
      ? "exact"
      : "property";
  },
  run,
};

function paramFaults({ multipliers, distributionBandwidth }: SigmaParams): string[] {
  if (Number.isInteger(Math.log2(multipliers))) return portFaults(multipliers, distributionBandwidth);
  const below = 2 ** Math.floor(Math.log2(multipliers));
  return [`multipliers: must be a power of two, got ${multipliers}; nearest: ${below}, ${2 * below}`];
}

function run(operation: Operation, params: SigmaParams): ComputeResult {
  const { arrays = 1 } = params;
  const stationary = stationaryOf(operation, params);
  const { rows, columns } = SIDES[operation.pass];
  const onRows = stationary === rows;
  const sum = { cycles: 0, base: 0, packed: 0, iterations: 0, continuations: 0 };
  const streaming = { cycles: 0, multiplications: 0, foldedGaps: 0 };
  const counts = { stationaryReads: 0, streamReads: 0, psumReads: 0, writes: 0 };
  const time = productTimer(params);
  for (const product of productsOf(operation, params.batch)) {
    const [held, streamed] = onRows ? [product.rows, product.columns] : [product.columns, product.rows];
    const { vectors } = streamed;
    const passes = Math.ceil(vectors / arrays);
    const base = time.dense(held, passes);
    const totals = params.skipping && held.isDense !== true ? time.sparse(held, passes) : base;
    const streamOnes = params.skipping ? streamed.ones() : vectors * streamed.length;
    sum.cycles += totals.cycles;
    sum.base += base.cycles;
    sum.packed += params.skipping ? Math.ceil(totals.stationary / params.multipliers) * passes : base.cycles;
    sum.iterations += totals.iterations;
    sum.continuations += totals.continuations;
    streaming.multiplications += totals.stationary * vectors;
    streaming.cycles += totals.iterations * passes;
    streaming.foldedGaps += totals.foldedGaps * vectors;
    counts.stationaryReads += totals.stationary;
    counts.streamReads += totals.streams * streamOnes;
    counts.psumReads += totals.continuations * vectors;
    counts.writes += totals.neurons * vectors;
  }
  const latency = params.overlap ? overlapLatency(params) : 0;
  const cycles = sum.cycles + (sum.iterations > 0 ? latency : 0);
  const baseCycles = sum.base + (sum.base > 0 ? latency : 0);
  return {
    cycles,
    baseCycles,
    packedCycles: params.skipping ? sum.packed : cycles,
    reschedulingCycles: 0,
    scheduled: params.skipping ? stationary : null,
    multiplierCycles: multiplierCyclesOf(operation, params, stationary, cycles, streaming),
    counters: {
      multiplications: streaming.multiplications,
      iterations: sum.iterations,
      foldedIterations: sum.continuations,
      psumReads: counts.psumReads,
    },
    onChipReads: { [stationary]: counts.stationaryReads, [onRows ? columns : rows]: counts.streamReads },
    onChipWrites: counts.writes,
  };
}

/**
 * `streaming`: one cycle a column and iteration, in which leaves multiply or hold no value; in all others they wait for the
 * ports, the tree or the bus.
 */
function multiplierCyclesOf(
  operation: Operation,
  params: SigmaParams,
  stationary: Operand,
  cycles: number,
  streaming: { readonly cycles: number; readonly multiplications: number; readonly foldedGaps: number },
): MultiplierCycles {
  const multipliers = (params.arrays ?? 1) * params.multipliers;
  const { multiplications, foldedGaps } = streaming;
  const { inside, outside } = pairsOf(operation, params, stationary) ?? { inside: multiplications, outside: 0 };
  return {
    occupied: inside,
    imagePadding: outside,
    lanePadding: foldedGaps,
    imbalance: multipliers * streaming.cycles - multiplications - foldedGaps,
    fillDrain: multipliers * (cycles - streaming.cycles),
  };
}

/** Pairs of the nonzeros of the stationary operand with everything; null where that operand is the padded one. */
function pairsOf(operation: Operation, params: SigmaParams, stationary: Operand): Pairs | null {
  const { pass, geometry } = operation;
  if (!params.skipping) return allPairs(pass, geometry);
  if (operation.pass === "weightGrad") return stationary === "outputGrad" ? outputGradPairs(operation) : null;
  return stationary === "weight" ? weightPairs(operation) : null;
}

/** Times matrix products; one that is met again (the same filters for another image) is not timed again. */
function productTimer(params: SigmaParams) {
  const cost = iterationTimer(params);
  const known = { sparse: new Map<VectorSet, Map<number, ProductTotals>>(), dense: new Map<string, ProductTotals>() };
  return {
    sparse(held: VectorSet, columns: number): ProductTotals {
      const byColumns = known.sparse.get(held) ?? new Map<number, ProductTotals>();
      const totals = byColumns.get(columns) ?? packVectors(held, params.multipliers, columns, cost);
      known.sparse.set(held, byColumns.set(columns, totals));
      return totals;
    },
    dense({ vectors, length }: VectorSet, columns: number): ProductTotals {
      const key = `${vectors} ${length} ${columns}`;
      const pack = (count: number) =>
        packVectors(denseVectors({ vectors: count, length }), params.multipliers, columns, cost);
      const totals = known.dense.get(key) ?? packDense({ vectors, length }, params.multipliers, pack);
      known.dense.set(key, totals);
      return totals;
    },
  };
}

/** The stationary operand; the sparser one is told from the tensors alone, so that padding never turns the array round. */
function stationaryOf(operation: Operation, params: SigmaParams): Operand {
  const chosen = params.stationary[operation.pass];
  if (chosen !== "sparser") return chosen;
  const masks = sideMasks(operation);
  const density = (mask: BitMask) => countOnes(mask) / Math.max(1, sizeOf(mask.shape));
  return SIDES[operation.pass][density(masks.columns) < density(masks.rows) ? "columns" : "rows"];
}

/** Configuration, first values, the height of the tree, the bus and the buffer: paid once where iterations overlap. */
function overlapLatency(params: SigmaParams): number {
  const switches = params.distributionBandwidth < params.multipliers ? 1 : 0;
  const height = Math.log2(params.multipliers);
  const around = 4;
  // Half of what is left is stored in each cycle; at most one result a multiplier is left.
  return around + switches + height + (params.drain === "half" ? Math.ceil(Math.log2(2 * params.multipliers)) : 0);
}
