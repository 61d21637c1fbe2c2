/**
 * SCNN: processing elements that hold a tile of the activations each and multiply I nonzero activations with F nonzero
 * weights of the same channel in one cycle, whichever they are; sums are scattered over banks of accumulators. Time goes
 * to conflicts in the banks, to chunks that are not full, to the slowest element, to the exchange of sums at the seams
 * (halo), and to redundant products, whose output does not exist: a border in forward, nearly all in weightGrad.
 * Bank conflicts are counted exactly in every pass; the array without skipping has none.
 * Source: SCNN, Parashar et al., ISCA 2017, as modelled by DNNsim 4748a600, without its bugs.
 */

import { denseMacs } from "../../core/dense-macs.ts";
import { sizeOf } from "../../core/geometry.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { OPERANDS_OF, RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import type { Accelerator, ComputeResult, Cut, MultiplierCycles } from "../hardware/accelerator.ts";
import { arraysParam, choice, integer } from "../hardware/param-schemas.ts";
import type { Operation } from "../operation/operation.ts";
import { MAX_BANKS } from "./cartesian/banks.ts";
import { foldLinear, isLinear } from "./cartesian/fold-linear.ts";
import { foldPositions } from "./cartesian/fold-positions.ts";
import { jobsOf, SIDES } from "./cartesian/job.ts";
import { type CartesianTotals, emptyCartesianTotals, runJob } from "./cartesian/run-job.ts";

const params = Type.Object(
  {
    arrays: arraysParam(
      "Arrays of processing elements side by side, sent the same weights; each takes an image and a pass over the filters, and all wait for the slowest",
    ),
    peRows: integer([1, 256], "Rows of processing elements", 8),
    peColumns: integer([1, 256], "Columns of processing elements", 8),
    activations: integer(
      [1, 64],
      "Activations that a processing element multiplies with each of its weights in a cycle (I)",
      4,
    ),
    weights: integer(
      [1, 64],
      "Weights that a processing element multiplies with each of its activations in a cycle (F)",
      4,
    ),
    accumulators: integer(
      [1, 1_048_576],
      "Accumulators of a processing element; they bound the filters of one pass over the activations",
      6144,
    ),
    banks: integer([1, MAX_BANKS], "Banks of the accumulators; each takes one product a cycle", 32),
    batch: choice(["image"], "image", '"image": images run one after the other'),
    foldLinear: Type.Boolean({
      default: true,
      description:
        "Forward and inputGrad of a fully connected layer run on planes of 16×16, 256 inputs a channel, with one 16×16 kernel; false: one input a channel",
    }),
    weightGradient: Type.Optional(
      choice(
        ["planes", "positions"],
        "planes",
        '"planes": a plane of inputs meets the planes of outputGrad, of which nearly all products are redundant; "positions": at each output position its window of inputs, laid out for it, meets its outputGrads, none redundant, and arrays wait for each other at the end only',
      ),
    ),
    skipping: Type.Boolean({ default: true, description: "Skip zeros; false is the same array without skipping" }),
  },
  { additionalProperties: false },
);

/** Parameters of SCNN. */
export type ScnnParams = Static<typeof params>;

/** Batches from which on a weight gradient is sampled by images. */
const MANY_IMAGES = 24;
/** Of the zeros before a value, in the published format. */
const RUN_LENGTH_BITS = 4;

/** The array of Cartesian products. */
export const scnn: Accelerator<typeof params> = {
  id: "scnn",
  modelVersion: 3,
  params,
  mappings: {
    forward: {
      lanes: "nothing: inputs × weights of one input channel, sums scattered to accumulators",
      rows: "rows of the input",
      columns: "columns of the input",
      stationary: "input, with the sums of a pass over the filters",
      skipped: "both",
      referee: "exact: DNNsim",
    },
    inputGrad: {
      lanes: "nothing: outputGrads × weights of one output channel, sums scattered to accumulators",
      rows: "rows of outputGrad, one stride phase of the result at a time",
      columns: "columns of outputGrad",
      stationary: "outputGrad, with the sums of a pass over the filters (input channels)",
      skipped: "both",
      referee:
        "exact: equals the forward pass of rotated, transposed weights (stride 1); property: conformance laws beyond",
    },
    weightGrad: {
      lanes: "nothing: inputs × outputGrads of one input and several output channels, sums scattered to accumulators",
      rows: "rows of the input",
      columns: "columns of the input",
      stationary: "the sums of one input channel over all images",
      skipped: "both",
      referee: "property: products equal effectual MACs; conformance laws",
    },
  },
  readsPlanes: true,
  multipliers: ({ arrays = 1, peRows, peColumns, activations, weights }) =>
    arrays * peRows * peColumns * activations * weights,
  withoutSkipping: (params) => ({ ...params, skipping: false }),
  skippingHardware: ({ skipping, banks }) =>
    skipping
      ? {
          operandMuxes: 0,
          // The crossbar to the accumulators.
          productMuxes: banks - 1,
          schedulerBits: 0,
          schedules: "compute",
          metadataBits: RUN_LENGTH_BITS,
        }
      : null,
  notCharged: ({ weightGradient }) =>
    weightGradient === "positions" ? ["laying out the windows of a weight gradient"] : [],
  validation: (operation, params) => (inGoldenScope(operation, params) ? "exact" : "property"),
  cuts({ pass, geometry }, params) {
    if (!params.skipping) return [];
    const cut = { size: 1, edges: 0 };
    // Halos are exchanged once an image, and in weightGrad once an input channel.
    const { arrays = 1, weightGradient = "planes" } = params;
    const isGradient = pass === "weightGrad";
    // Images side by side wait for each other.
    const images: Cut[] = geometry.N % arrays === 0 ? [{ ...cut, size: arrays, axis: "images", once: isGradient }] : [];
    // Arrays of outer products wait at the end only, and even out the more the more they do.
    const isOuter = isGradient && (isLinear(geometry) || weightGradient === "positions");
    if (isOuter && arrays > 1) return [];
    if (geometry.groups > 1 || isOuter || isLinear(geometry)) return images;
    const axis = pass === "inputGrad" ? "outputChannels" : "inputChannels";
    const channels: Cut = { ...cut, axis, once: !isGradient };
    // Kernels are loaded once a channel of weights, and once an image of outputGrad, for whatever is taken of the other.
    const isMany = isGradient && geometry.N >= MANY_IMAGES * arrays && images.length > 0;
    return isMany ? images : [channels, ...images];
  },
  run(operation, params) {
    const { pass, geometry } = operation;
    const totals = emptyCartesianTotals();
    const results = sizeOf(SHAPE_OF[RESULT_OF[pass]](geometry).map((extent) => Math.max(0, extent)));
    const hasWork = OPERANDS_OF[pass].every((operand) => SHAPE_OF[operand](geometry).every((extent) => extent > 0));
    if (hasWork && results > 0) {
      for (const mapped of mappedOperations(operation, params)) {
        for (const job of jobsOf(mapped)) runJob(job, params, params.skipping, totals);
      }
    }
    const { cycles, baseCycles, packedCycles, weightReads, activationReads, ...counters } = totals;
    const sides = SIDES[pass];
    return {
      cycles,
      baseCycles,
      packedCycles,
      reschedulingCycles: 0,
      scheduled: params.skipping ? "both" : null,
      counters,
      // Without skipping, chunks that are not full and elements that wait are not told apart.
      multiplierCycles: params.skipping
        ? multiplierCyclesOf(counters)
        : { occupied: denseMacs(geometry), fillDrain: counters.idleHalo },
      onChipReads: { [sides.activations]: activationReads, [sides.weights]: weightReads },
      onChipWrites: hasWork ? results : 0,
    } satisfies ComputeResult;
  },
};

/** The operation as it runs: the outer product of a linear weightGrad has no redundant products, so that it is always spread. */
function mappedOperations(operation: Operation, { foldLinear: folds, weightGradient }: ScnnParams): Operation[] {
  const { geometry } = operation;
  if (isLinear(geometry)) return [folds || operation.pass === "weightGrad" ? foldLinear(operation) : operation];
  if (operation.pass !== "weightGrad" || weightGradient !== "positions") return [operation];
  return Array.from({ length: geometry.groups }, (_, group) => foldPositions(operation, group));
}

type Fates = Pick<
  CartesianTotals,
  "mults" | "idleBricks" | "redundantProducts" | "idleConflicts" | "idlePEs" | "idleHalo"
>;

/** Products by fate; those of a chunk that is not full are lanes without a value. */
function multiplierCyclesOf(counters: Fates): MultiplierCycles {
  const { mults, idleBricks, redundantProducts, idleConflicts, idlePEs, idleHalo } = counters;
  return {
    occupied: mults,
    redundant: redundantProducts,
    lanePadding: idleBricks - redundantProducts,
    conflicts: idleConflicts,
    imbalance: idlePEs,
    fillDrain: idleHalo,
  };
}

/** True where DNNsim computes the same operation: forward, square array and stride, without its mistakes in queue pairing. */
function inGoldenScope({ pass, geometry: g, paddingAsNonzeros }: Operation, params: ScnnParams): boolean {
  const [top, bottom, left, right] = g.padding;
  const [stride, across] = g.stride;
  return (
    pass === "forward" &&
    g.groups === 1 &&
    params.peRows === params.peColumns &&
    stride === across &&
    top % stride === 0 &&
    [bottom, left, right].every((extent) => extent === top) &&
    g.dilation.every((step) => step === 1) &&
    (params.foldLinear || !isLinear(g)) &&
    paddingAsNonzeros !== true
  );
}
