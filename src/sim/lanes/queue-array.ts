/**
 * An array of processing elements that each draw the nonzeros of one operand from a queue of their own, `lanes` at a time:
 * no lookahead limits them, but the `rows` elements of a group wait for the slowest. The queued operand lies on the
 * rows, the other one is broadcast along the columns. Cycles of a set = max over its rows of ceil(nonzeros / lanes).
 */
import { type Static, Type } from "typebox";
import type { ComputeResult } from "../accelerator.ts";
import type { Operand, Operation } from "../operation.ts";
import { arrayParams } from "./array-params.ts";
import { arrayResult } from "./array-result.ts";
import { emptyTotals } from "./dealing.ts";
import { runChannels } from "./dynamic-channels.ts";
import { runPositions } from "./dynamic-positions.ts";
import { type DynamicRun, emptyBankCounts } from "./dynamic-run.ts";

/** Params of a queue machine. */
export const queueParams = Type.Object(
  {
    ...arrayParams,
    skipping: Type.Boolean({ default: true, description: "false: the same array without queues, every line is taken" }),
  },
  { additionalProperties: false },
);

/** Runs an operation with `queued` in the queues. */
export function runQueues(operation: Operation, params: Static<typeof queueParams>, queued: Operand): ComputeResult {
  const { pass } = operation;
  // Without skipping every line counts, which is what a lookahead of 0 says to the costs of a set.
  const lookahead = params.skipping ? 1 : 0;
  const run: DynamicRun = {
    operation,
    params: { ...params, lookahead, banks: 1 },
    schedule: null,
    totals: emptyTotals(),
    banks: emptyBankCounts(),
  };
  const scheduled = pass === "weightGrad" ? runPositions(run, queued) : runChannels(run, pass, queued);
  return arrayResult(pass, params, run.totals, {
    reschedulingCycles: 0,
    scheduled: params.skipping ? scheduled : null,
    counters: { scheduledPEs: run.totals.scheduledPEs, idlePEs: run.totals.idlePEs },
  });
}
