/**
 * An array of processing elements that each draw the nonzeros of one operand from a queue of their own, `lanes` at a time:
 * no lookahead limits them, but the `rows` elements of a group wait for the slowest. The queued operand lies on the
 * rows, the other one is broadcast along the columns. Cycles of a set = max over its rows of ceil(nonzeros / lanes).
 */
import { type Static, Type } from "../../../core/input/schema.ts";
import type { Accelerator, ComputeResult, Mapping } from "../../hardware/accelerator.ts";
import type { Operand, Operation, Pass } from "../../operation/operation.ts";
import { arrayMultipliers, arrayParams } from "./array-params.ts";
import { arrayResult } from "./array-result.ts";
import { runChannels } from "./dynamic/dynamic-channels.ts";
import { runPositions } from "./dynamic/dynamic-positions.ts";
import { type DynamicArray, emptyBankCounts } from "./dynamic/dynamic-run.ts";
import { emptyTotals } from "./tile-dispatch.ts";

const queueParams = Type.Object(
  {
    ...arrayParams,
    skipping: Type.Boolean({ default: true, description: "false: the same array without queues, every line is taken" }),
  },
  { additionalProperties: false },
);

/** An accelerator with the given operand of each pass in its queues. */
export function queueArray(id: string, queued: Readonly<Record<Pass, Operand>>): Accelerator<typeof queueParams> {
  const mapping = (pass: Pass, reduction: string, rows: string, columns: string): Mapping => ({
    lanes: `queue of ${reduction}`,
    rows,
    columns,
    stationary: "output",
    skipped: queued[pass],
    referee: "formula: slowest queue of each group",
  });
  // Channel-first passes have the queued operand on the rows: its filters, or the windows of the other.
  const channelFirst = (pass: "forward" | "inputGrad", reduction: string, filters: string, windows: string) => {
    const [rows, columns] = queued[pass] === "weight" ? [filters, windows] : [windows, filters];
    return mapping(pass, `${reduction} and kernel positions`, rows, columns);
  };
  const phases = "windows of outputGrad, one stride phase at a time";
  return {
    id,
    modelVersion: 1,
    params: queueParams,
    mappings: {
      forward: channelFirst("forward", "input channels", "filters", "windows"),
      inputGrad: channelFirst("inputGrad", "output channels", "input channels", phases),
      weightGrad: mapping("weightGrad", "output positions", "input channels", "output channels"),
    },
    multipliers: arrayMultipliers,
    withoutSkipping: (params) => ({ ...params, skipping: false }),
    // A value says which one of a line's lanes it needs of the other operand.
    skippingHardware: ({ skipping, lanes }) =>
      skipping
        ? {
            operandMuxes: lanes - 1,
            productMuxes: 0,
            schedulerBits: 0,
            schedules: "compute",
            metadataBits: Math.ceil(Math.log2(lanes)),
          }
        : null,
    notCharged: () => ["filling the queues"],
    validation: () => "formula",
    run: (operation, params) => runQueues(operation, params, queued[operation.pass]),
  };
}

function runQueues(operation: Operation, params: Static<typeof queueParams>, queued: Operand): ComputeResult {
  // Without skipping every line counts, which is what a lookahead of 0 says to the costs of a set.
  const lookahead = params.skipping ? 1 : 0;
  const array: DynamicArray = {
    params: { ...params, lookahead, banks: 1 },
    scheduler: null,
    totals: emptyTotals(),
    banks: emptyBankCounts(),
  };
  const scheduled =
    operation.pass === "weightGrad"
      ? runPositions({ ...array, operation }, queued)
      : runChannels({ ...array, operation }, queued);
  const { totals } = array;
  return arrayResult(operation, params, totals, {
    reschedulingCycles: 0,
    scheduled: params.skipping ? scheduled : null,
    counters: { scheduledPEs: totals.scheduledPEs, idlePEs: totals.idlePEs },
  });
}
