/** From the totals of a lane array to the result that every accelerator returns. */
import type { ComputeResult } from "../accelerator.ts";
import type { Operand, Pass } from "../operation.ts";
import type { DealTotals } from "./dealing.ts";

/** Operands of the outer and the inner loop of each pass, on every lane array. */
const LOOPS: Readonly<Record<Pass, { readonly outer: Operand; readonly inner: Operand }>> = {
  forward: { outer: "input", inner: "weight" },
  inputGrad: { outer: "outputGrad", inner: "weight" },
  weightGrad: { outer: "input", inner: "outputGrad" },
};

/**
 * The result of a pass. On-chip reads are one value per lane for each processed line of a live row or column of the
 * operand (lanes without a channel included); on-chip writes are the results.
 */
export function arrayResult(
  pass: Pass,
  lanes: number,
  totals: DealTotals,
  rest: Pick<ComputeResult, "reschedulingCycles" | "scheduled" | "counters">,
): ComputeResult {
  const { outer, inner } = LOOPS[pass];
  return {
    cycles: totals.cycles,
    baseCycles: totals.baseCycles,
    packedCycles: totals.packedCycles,
    ...rest,
    onChipReads: { [outer]: totals.outerLines * lanes, [inner]: totals.innerLines * lanes },
    onChipWrites: totals.outputs,
  };
}
