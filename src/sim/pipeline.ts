/**
 * One op of a step on one machine, stage by stage: prepare (once for all machines, operation/ablations.ts), array,
 * buffers, memory, the machines that it is compared with, energy, row. A stage sees what came before it and nothing else.
 */
import { movingEnergy, multiplyingEnergy } from "./energy/action-counts.ts";
import { type Run, runLines, runWhole } from "./hardware/run.ts";
import { feedOp, type PlacedOp } from "./memory/feed-op.ts";
import { type MovingOp, moveOp } from "./memory/move-op.ts";
import { runArray, runBuffers } from "./operation/ablation-runs.ts";
import type { PreparedOperation } from "./operation/ablations.ts";
import type { Comparison, PlannedOp } from "./result/comparison.ts";
import { movingResult, multiplyingResult, type RowCosts } from "./result/op-result.ts";
import { movingReferences, multiplyingReferences } from "./result/references.ts";

/** The row of an operation that multiplies. @param count what machines count of it: all of it, or an estimate. */
export function multiplyingRow(
  prepared: PreparedOperation,
  comparison: Comparison,
  planned: PlannedOp,
  count: Run = runWhole,
): RowCosts {
  const { machine, denseRuns } = comparison;
  const op = { prepared, machine, plan: planned.own, at: planned.at };
  const array = runArray(prepared, machine, denseRuns, count);
  const buffers = runBuffers(prepared, machine);
  const memory = feedOp(op, array.actual, buffers.actual, "recorded");
  const noZeros = feedOp(op, array.noZeros, buffers.noZeros, "dense");
  const references = multiplyingReferences(prepared, comparison, planned, array.actual, count);
  const energy = multiplyingEnergy(prepared, comparison, { counts: array.actual, ...memory }, references.baseline);
  return multiplyingResult(machine, { prepared, array, buffers, memory, noZeros, references, energy });
}

/** The row of an operation that does not multiply. Null for what the machine does not have to do. */
export function movingRow(op: MovingOp, comparison: Comparison, planned: PlannedOp): RowCosts | null {
  const { machine } = comparison;
  const { own, at } = planned;
  if (own.tensors(at) === null) return null;
  const memory = moveOp(op, machine, own, at);
  const references = movingReferences(op, comparison, planned);
  const energy = movingEnergy(comparison, memory, references.baseline);
  return movingResult(op, machine, { memory, references, energy });
}

/** Seconds of an operation that multiplies, for the steps of dense training that a machine is compared with. */
export function multiplyingSeconds(op: PlacedOp, count: Run = runWhole): number {
  const { machine, prepared } = op;
  const array = count(machine, prepared.actual);
  const buffers = runLines(machine, prepared.actual);
  return feedOp(op, array, buffers, "recorded").seconds;
}
