/**
 * An op that does not multiply: the vector unit reads and writes one element a lane and cycle, while what is not on chip
 * comes and goes.
 */
import type { SelectOp, TransposeOp } from "../../step/method-overheads.ts";
import type { OtherOp } from "../../trace/manifest.ts";
import type { Machine } from "../hardware/machine.ts";
import { OUTERMOST, type StepPlan } from "./placement.ts";
import { type Moved, move } from "./timing.ts";

/** An op without MACs: of the trace, or of the method. */
export type MovingOp = OtherOp | SelectOp | TransposeOp;

/** Cycles and bytes of such an op. */
export type MovedOp = ReturnType<typeof moveOp>;

/** Moves the tensors of op `at` of a step. */
export function moveOp(op: MovingOp, machine: Machine, plan: StepPlan, at: number) {
  const sweeps = sweepsOf(op) * shareOf(op);
  const touched = plan.tensors(at) ?? op;
  const elementsOf = (ids: readonly string[]) => ids.reduce((sum, id) => sum + plan.elementsOf(id), 0);
  const rewritten = op.kind === "transpose" ? touched.reads : touched.writes;
  const elements = Math.ceil(Math.max(elementsOf(touched.reads), elementsOf(rewritten)) * sweeps);
  const vector = Math.ceil(elements / machine.vectorLanes);
  const { reads, writes } = plan.residence(at);
  const sides: readonly Side[] = [
    { ids: touched.reads, resident: reads, times: sweeps, isWritten: false, as: "forward" },
    op.kind === "transpose"
      ? { ids: touched.reads, resident: reads, times: 1, isWritten: true, as: "transposed" }
      : { ids: touched.writes, resident: writes, times: shareOf(op), isWritten: true, as: "forward" },
  ];
  const { stall: memoryStall, ...rest } = move(
    sides.flatMap((side) => movedOf(plan, side)),
    machine.memory,
    vector,
  );
  const total = vector + memoryStall;
  return { total, vector, memoryStall, elements, seconds: total / machine.clockHz, ...rest };
}

/** Tensors that an op reads or writes, each `times`. */
interface Side {
  readonly ids: readonly string[];
  readonly resident: ReadonlySet<string>;
  readonly times: number;
  readonly isWritten: boolean;
  readonly as: "forward" | "transposed";
}

function movedOf(plan: StepPlan, { ids, resident, times, isWritten, as }: Side): Moved[] {
  return ids.map((id) => {
    const isResident = resident.has(plan.idOf(id));
    const bytes = Math.ceil(plan.bytesOf(id, isResident ? OUTERMOST : 0, as) * times);
    return { bytes, isResident, level: plan.levelOf(id), isWritten };
  });
}

/** Whether the method costs it, so that dense training does not do it. */
export function isOfMethod(op: MovingOp): op is SelectOp | TransposeOp {
  return op.kind === "select" || op.kind === "transpose";
}

/**
 * Sweeps of the vector unit over the elements of an op. Batch norm reads its input for the statistics and again. A threshold
 * is found by a radix search in two sweeps, every period; comparing and compressing is one sweep more.
 */
function sweepsOf(op: MovingOp): number {
  if (op.kind === "batchNorm") return 2;
  if (op.kind === "select") return 1 + SEARCH_SWEEPS / op.period;
  return 1;
}

const SEARCH_SWEEPS = 2;

/** What a step is charged of an op; an update may serve micro-batches that the trace does not hold. */
function shareOf(op: MovingOp): number {
  return isOfMethod(op) ? 1 : (op.share ?? 1);
}
