/** From the totals of a lane array to the result that every accelerator returns. */
import type { ComputeResult, MultiplierCycles } from "../../hardware/accelerator.ts";
import { allPairs } from "../../operation/image-padding.ts";
import type { Operand, Operation, Pass } from "../../operation/operation.ts";
import { type ArrayParams, arrayMultipliers } from "./array-params.ts";
import type { DispatchTotals } from "./tile-dispatch.ts";

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
  operation: Operation,
  params: ArrayParams,
  totals: DispatchTotals,
  rest: Pick<ComputeResult, "reschedulingCycles" | "scheduled" | "counters">,
): ComputeResult {
  const { outer, inner } = LOOPS[operation.pass];
  const { lanes } = params;
  return {
    cycles: totals.cycles,
    baseCycles: totals.baseCycles,
    packedCycles: totals.packedCycles,
    ...rest,
    multiplierCycles: multiplierCyclesOf(operation, params, totals, rest.scheduled !== null),
    onChipReads: { [outer]: totals.outerLines * lanes, [inner]: totals.innerLines * lanes },
    onChipWrites: totals.outputs,
  };
}

/**
 * Multiplier-cycles of the array: lanes of live elements that hold no value, elements without an item, tiles that wait. An array that
 * skips nothing multiplies every pair, however its kernel is folded or filled with zeros.
 */
function multiplierCyclesOf(
  { pass, geometry }: Operation,
  params: ArrayParams,
  totals: DispatchTotals,
  skips: boolean,
): MultiplierCycles {
  const { scheduledPEs, packedPEs, cycles, imagePadding } = totals;
  const { lanes } = params;
  const { inside, outside } = skips
    ? { inside: totals.occupied - imagePadding, outside: imagePadding }
    : allPairs(pass, geometry);
  const withoutItem = arrayMultipliers(params) * cycles - scheduledPEs * lanes;
  const empty = packedPEs * lanes - inside - outside;
  return {
    occupied: inside,
    imagePadding: outside,
    lanePadding: skips ? 0 : empty,
    movement: (scheduledPEs - packedPEs) * lanes,
    imbalance: withoutItem + (skips ? empty : 0),
  };
}
