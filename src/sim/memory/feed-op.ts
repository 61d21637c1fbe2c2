/** Feeds the array of a machine with an op of a recorded step: how its tensors are stored, where they are, and what is waited for. */
import type { BitMask } from "../../core/bit-mask.ts";
import { operandEntries } from "../../core/passes.ts";
import type { ArrayCounts } from "../energy/action-counts.ts";
import type { LineResult } from "../hardware/line-detail.ts";
import type { Machine } from "../hardware/machine.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import { type Operand, type Operation, operandsOf, type Pass } from "../operation/operation.ts";
import type { ResultRow } from "../result/result.ts";
import type { MemoryNumbers, MemoryOperand } from "./hierarchy.ts";
import type { StepPlan } from "./placement.ts";
import { readingOrder } from "./reading-order.ts";
import { type Storage, storedBytes, storedMaskBytes } from "./storage.ts";
import { type Feed, type FeedTask, feed } from "./timing.ts";

/** An op of a step on a machine. */
export interface PlacedOp {
  readonly prepared: PreparedOperation;
  readonly machine: Machine;
  readonly plan: StepPlan;
  /** Index in the step. */
  readonly at: number;
}

/** What its memory does for an op. */
export interface FedOp {
  readonly task: FeedTask;
  readonly fed: Feed;
  readonly cycles: ResultRow["cycles"];
  readonly seconds: number;
}

/** Whether operands are those that were recorded, or without a zero. */
export type Operands = "recorded" | "dense";

/**
 * The array, waiting for its buffers or not, overlaps with memory; what memory adds and making a schedule, which nothing
 * hides, come on top.
 */
export function feedOp(op: PlacedOp, counts: ArrayCounts, lines: LineResult | undefined, operands: Operands): FedOp {
  const { memory, clockHz } = op.machine;
  const { cycles: compute, reschedulingCycles: rescheduling } = counts;
  const task = taskOf(op, counts, operands);
  const bufferStall = lines === undefined ? 0 : lines.cycles - lines.computeCycles;
  const fed = feed(task, memory, compute + bufferStall);
  const total = compute + rescheduling + bufferStall + fed.stall;
  const buffers = lines === undefined ? {} : { bufferStall };
  const cycles = { total, compute, vector: 0, rescheduling, ...buffers, memoryStall: fed.stall };
  return { task, fed, cycles, seconds: total / clockHz };
}

/** The operation as its memory sees it. */
function taskOf(
  op: PlacedOp,
  compute: Pick<ArrayCounts, "onChipReads" | "onChipWrites">,
  operands: Operands,
): FeedTask {
  const { prepared, machine } = op;
  const { memory } = machine;
  const { pass, layer, geometry } = prepared.actual;
  const bytes = [memory, ...memory.levels].map(({ storage }, place) => storedAt(op, storage, place, operands));
  const arrayBytes: Partial<Record<MemoryOperand, number>> = {
    output: compute.onChipWrites * outputBytes(pass, memory),
  };
  for (const [name, values] of operandEntries(pass, compute.onChipReads)) arrayBytes[name] = values * memory.valueBytes;
  const partialBytes = prepared.outputElements * memory.wideBytes;
  const task = { pass, layer, geometry, bytes, partialBytes, resident: residentOf(op), arrayBytes };
  if (operands === "dense") return task;
  return { ...task, bitmaps: [memory, ...memory.levels].map(({ storage }) => bitmapsOf(prepared.actual, storage)) };
}

/** Bytes of each tensor as DRAM (0) or a level (1, outermost, and on) stores it. */
function storedAt({ prepared, machine, plan }: PlacedOp, storage: Storage, place: number, operands: Operands) {
  const { accelerator, memory } = machine;
  const { pass, geometry } = prepared.actual;
  const order = readingOrder(accelerator, pass);
  const stored: Partial<Record<MemoryOperand, number>> = {};
  for (const [name, operand] of operandEntries(pass, prepared.operands)) {
    const { elements, mask } = operand;
    stored[name] =
      operands === "dense"
        ? storedBytes({ elements, nonzeros: elements }, storage[name], memory.valueBytes)
        : storedMaskBytes(mask, { operand: name, order, geometry }, operand, storage[name], memory.valueBytes);
  }
  const { output } = prepared.op;
  stored.output =
    output === undefined ? prepared.outputElements * outputBytes(pass, memory) : plan.bytesOf(output, place);
  return stored;
}

/** Tensors that are on chip when the op begins, or stay there when it ends. */
function residentOf({ prepared: { op, operands, actual }, plan, at }: PlacedOp): Set<MemoryOperand> {
  const { reads, writes } = plan.residence(at);
  const resident = new Set<MemoryOperand>();
  for (const [name, { id }] of operandEntries(actual.pass, operands)) if (reads.has(plan.idOf(id))) resident.add(name);
  if (op.output !== undefined && writes.has(op.output)) resident.add("output");
  return resident;
}

/** Masks of the operands that are stored as bitmaps. */
function bitmapsOf(operation: Operation, storage: Storage): Partial<Record<Operand, BitMask>> {
  return Object.fromEntries(operandsOf(operation).filter(([name]) => storage[name].isBitmap));
}

/** Bytes of one output value: sums of a weight gradient go to the optimizer in the wide type. */
function outputBytes(pass: Pass, memory: MemoryNumbers): number {
  return pass === "weightGrad" ? memory.wideBytes : memory.valueBytes;
}
