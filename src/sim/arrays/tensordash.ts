/**
 * TensorDash: a tile whose rows skip the zeros of one operand as they stream in, the sparser of the two. The scheduled
 * operand lies on the rows, which share the test for an empty line; the other lies on the columns. With two sides every
 * processing element skips the pairs with a zero, as the published element does by itself (`lanes/dynamic/pair-schedule.ts`).
 * Source: TensorDash (MICRO 2020) as modelled by DNNsim (January 2020, parent of 58b1d72), without its bugs; the skip counter of a
 * tile runs on from set to set. Image padding counts as zeros when the sparser operand is chosen, with `paddingAsNonzeros` too:
 * attribution must not turn the array round.
 */
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator } from "../hardware/accelerator.ts";
import { choice, integer } from "../hardware/param-schemas.ts";
import type { Pass } from "../operation/operation.ts";
import { arrayMultipliers, arrayParams, offsetsParam, searchParams } from "./lanes/array-params.ts";
import { arrayResult } from "./lanes/array-result.ts";
import { pairCuts } from "./lanes/cuts.ts";
import { runChannels } from "./lanes/dynamic/dynamic-channels.ts";
import { runPositions } from "./lanes/dynamic/dynamic-positions.ts";
import { type DynamicArray, emptyBankCounts, type SkippedOperand } from "./lanes/dynamic/dynamic-run.ts";
import { inGoldenScope } from "./lanes/golden-scope.ts";
import { dynamicScheduler } from "./lanes/schedule/dynamic-schedule.ts";
import { searchMapOf } from "./lanes/schedule/search-map.ts";
import { sideBySide } from "./lanes/schedule/side-by-side.ts";
import { emptyTotals } from "./lanes/tile-dispatch.ts";

const params = Type.Object(
  {
    ...arrayParams,
    ...searchParams,
    ...offsetsParam,
    banks: integer([1, 4096], "Banks of the on-chip buffers; conflicts are counted, not charged", 16),
    sides: choice(
      ["one", "two"],
      "one",
      '"one": a row skips the zeros of its operand; "two": a processing element skips the zeros of both its operands, and all of a tile advance together',
    ),
    operand: Type.Object(
      {
        forward: Type.Enum(["sparser", "input", "weight"], { default: "sparser" }),
        inputGrad: Type.Enum(["sparser", "outputGrad", "weight"], { default: "sparser" }),
        weightGrad: Type.Enum(["sparser", "input", "outputGrad"], { default: "sparser" }),
      },
      {
        additionalProperties: false,
        default: { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" },
        description:
          'Operand whose zeros each pass skips; "sparser" chooses for each image, or for the whole operation where the batch is folded. Not asked with two sides',
      },
    ),
  },
  { additionalProperties: false },
);

/** Parameters of TensorDash. */
export type TensorDashParams = Static<typeof params>;

/** The dynamically scheduled array. */
export const tensordash: Accelerator<typeof params> = {
  id: "tensordash",
  modelVersion: 1,
  params,
  mappings: {
    forward: {
      lanes: "input channels",
      rows: "windows or filters, whichever is sparser (two sides: filters)",
      columns: "the other",
      stationary: "output",
      skipped: "sparser or both",
      referee:
        "exact: DNNsim (TensorDash), one side; property: a plain model, and one side where an operand has no zero",
    },
    inputGrad: {
      lanes: "output channels",
      rows: "windows of outputGrad or filters (input channels), whichever is sparser (two sides: filters), one stride phase at a time",
      columns: "the other",
      stationary: "output",
      skipped: "sparser or both",
      referee:
        "exact: DNNsim (TensorDash), one side at stride 1; property: a plain model, and one side where an operand has no zero",
    },
    weightGrad: {
      lanes: "output positions",
      rows: "input channels or output channels, whichever is sparser (two sides: output channels), one kernel position at a time",
      columns: "the other",
      stationary: "output",
      skipped: "sparser or both",
      referee:
        "exact: DNNsim (TensorDash), one side; property: a plain model, and one side where an operand has no zero",
    },
  },
  multipliers: arrayMultipliers,
  withoutSkipping: (params) => ({ ...params, lookahead: 0, lookaside: 0 }),
  skippingHardware(params) {
    if (params.lookahead === 0) return null;
    const candidates = 1 + searchMapOf(params).size;
    // One side: the columns of a row share its scheduler.
    const sharing = params.sides === "two" ? 1 : params.columns;
    return {
      operandMuxes: 2 * (candidates - 1),
      productMuxes: 0,
      schedulerBits: candidates / sharing,
      schedules: "compute",
      metadataBits: 1,
    };
  },
  notCharged: () => ["conflicts in the banks of the on-chip buffers"],
  validation(operation, params) {
    if (params.lookahead === 0) return "formula";
    const { pass, geometry } = operation;
    if (params.sides === "two") return "property";
    // The original does not schedule weights in a strided input gradient, and does not model tiles.
    const known = pass !== "inputGrad" || (geometry.stride[0] === 1 && geometry.stride[1] === 1);
    return known && params.tiles === 1 && inGoldenScope(operation, params) ? "exact" : "property";
  },
  // One side takes no longer than cutting it does, nor do two without skipping.
  cuts: (operation, params) => (chosenOperand(operation.pass, params) === "both" ? pairCuts(operation, params) : []),
  run(operation, params) {
    const array = arrayOf(params);
    const { totals, banks } = array;
    const chosen = chosenOperand(operation.pass, params);
    const scheduled =
      operation.pass === "weightGrad"
        ? runPositions({ ...array, operation }, chosen)
        : runChannels({ ...array, operation }, chosen);
    return arrayResult(operation, params, totals, {
      reschedulingCycles: 0,
      scheduled: params.lookahead > 0 ? scheduled : null,
      counters: {
        scheduledPEs: totals.scheduledPEs,
        bankReads: banks.reads,
        bankWrites: banks.writes,
        readBankConflicts: banks.conflicts,
      },
    });
  },
};

/** Operand on the rows, "sparser" or "both". Without skipping, both is what lies on the rows then. */
function chosenOperand(pass: Pass, { sides, lookahead, operand }: TensorDashParams): SkippedOperand {
  if (sides === "one") return operand[pass];
  if (lookahead > 0) return "both";
  return pass === "weightGrad" ? "outputGrad" : "weight";
}

function arrayOf(params: TensorDashParams): DynamicArray {
  const map = searchMapOf(params);
  return {
    params,
    scheduler: { schedule: dynamicScheduler(map, params.lookaside), vectors: sideBySide(map, params.lookaside) },
    totals: emptyTotals(),
    banks: emptyBankCounts(),
  };
}
