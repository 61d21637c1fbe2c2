/** What the machines that a machine is compared with take for the same op. Both train densely. */

import type { ArrayCounts } from "../energy/action-counts.ts";
import type { ComputeResult } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import { type Run, runLines, runWhole } from "../hardware/run.ts";
import { feedOp, type PlacedOp } from "../memory/feed-op.ts";
import { isOfMethod, type MovedOp, type MovingOp, moveOp } from "../memory/move-op.ts";
import type { StepPlan } from "../memory/placement.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import type { Comparison, DenseCosts, PlannedOp } from "./comparison.ts";

/** The common baseline and the machine's own dense counterpart, which may be one. */
export interface References<Costs> {
  readonly baseline: Costs;
  readonly counterpart: Costs;
}

/** Of an op that multiplies; `actual` is what the machine itself counted. */
export function multiplyingReferences(
  prepared: PreparedOperation,
  comparison: Comparison,
  planned: PlannedOp,
  actual: ComputeResult,
  count: Run,
): References<DenseCosts> {
  const counterpart = counterpartCosts(prepared, actual, comparison, planned, count);
  const isOwn = comparison.baseline === comparison.counterpart;
  return { counterpart, baseline: isOwn ? counterpart : baselineCosts(prepared, comparison, planned, count) };
}

/** What the common baseline takes for an op: asked once, where the answer is no estimate. */
function baselineCosts(
  prepared: PreparedOperation,
  { baseline: { machine, skipsNothing, costs } }: Comparison,
  { baseline: plan, at }: PlannedOp,
  count: Run,
): DenseCosts {
  const known = costs.get(prepared);
  if (known !== undefined) return known;
  const run = skipsNothing ? runWhole : count;
  const found = costsOf({ prepared, machine, plan, at }, run(machine, prepared.actual));
  if (skipsNothing) costs.set(prepared, found);
  return found;
}

/**
 * The same of the machine's own dense counterpart. The cycles of its array are known; what that reads counts only for energy, or
 * where the level next to the array, of which every tensor has one, may be too narrow.
 */
function counterpartCosts(
  prepared: PreparedOperation,
  { baseCycles }: ComputeResult,
  { machine, baseline, counterpart, energy }: Comparison,
  { counterpart: plan, at }: PlannedOp,
  count: Run,
): DenseCosts {
  const isWide = machine.memory.levels.every(({ bytesPerCycle }) => bytesPerCycle === Number.POSITIVE_INFINITY);
  const counts =
    isWide && (baseline !== counterpart || energy === undefined)
      ? { cycles: baseCycles, reschedulingCycles: 0, scheduled: null, onChipReads: {}, onChipWrites: 0 }
      : count(counterpart.machine, prepared.actual);
  return costsOf({ prepared, machine: counterpart.machine, plan, at }, counts);
}

function costsOf(op: PlacedOp, counts: ArrayCounts): DenseCosts {
  const { fed, cycles, seconds } = feedOp(op, counts, runLines(op.machine, op.prepared.actual), "dense");
  return { counts, fed, cycles: cycles.total, seconds };
}

/** Of an op that does not multiply; null where a reference does not do it. */
export function movingReferences(
  op: MovingOp,
  { baseline, counterpart }: Comparison,
  { at, ...plans }: PlannedOp,
): References<MovedOp | null> {
  const moves = (machine: Machine, plan: StepPlan) => (isOfMethod(op) ? null : moveOp(op, machine, plan, at));
  const own = moves(counterpart.machine, plans.counterpart);
  return { counterpart: own, baseline: baseline === counterpart ? own : moves(baseline.machine, plans.baseline) };
}
