/** One row of a result: what an operation costs on a machine and on its baseline, and what the gain is made of. */
import type { BitMask } from "../../core/bit-mask.ts";
import { operandEntries } from "../../core/passes.ts";
import type { SelectOp, StepOp, TransposeOp } from "../../step/method-overheads.ts";
import type { OtherOp } from "../../trace/manifest.ts";
import {
  type ArrayCounts,
  energyPart,
  movingActivity,
  multiplyingActivity,
  withSchedules,
} from "../energy/action-counts.ts";
import { type ComputeResult, withCurrentNames } from "../hardware/accelerator.ts";
import type { LineResult } from "../hardware/line-detail.ts";
import type { Machine } from "../hardware/machine.ts";
import type { Held, MemoryNumbers } from "../memory/hierarchy.ts";
import { OUTERMOST, type StepPlan } from "../memory/placement.ts";
import { readingOrder } from "../memory/reading-order.ts";
import { type Storage, storedBytes, storedMaskBytes } from "../memory/storage.ts";
import { type Feed, type FeedTask, feed, move } from "../memory/timing.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import { type Operand, type Operation, operandsOf, type Pass } from "../operation/operation.ts";
import type { Comparison, DenseCosts, PlannedOp } from "./comparison.ts";
import type { ResultRow } from "./result.ts";

/** A row without its place in the trace. */
export type RowCosts = Omit<ResultRow, "trace" | "step" | "layer" | "kind" | "pass">;

/** What a machine counts for an operation. */
export type Run = (machine: Machine, operation: Operation) => ComputeResult;

/** The row of an operation that multiplies. */
export function multiplyingRow(
  prepared: PreparedOperation,
  comparison: Comparison,
  planned: PlannedOp,
  count: Run = runWhole,
): RowCosts {
  const { machine, energy } = comparison;
  const { actual, operands, macs } = prepared;
  const { accelerator, params, clockHz, memory } = machine;
  const run = (operation: Operation) => count(machine, operation);
  // Never sampled.
  const dense = (operation: Operation) => denseRun(operation, run, comparison.denseRuns);
  const noZeros = dense(prepared.noZeros);
  const solid = prepared.solid === prepared.noZeros ? noZeros : dense(prepared.solid);
  const compute = actual === prepared.noZeros ? noZeros : run(actual);
  const natural = prepared.natural === actual ? compute : run(prepared.natural);

  const { at } = planned;
  const lines = linesOn(machine, actual);
  const noZerosLines = prepared.noZeros === actual ? lines : linesOn(machine, prepared.noZeros);
  const task = taskOf(prepared, machine, planned.own, at, compute);
  const { fed, cycles } = fedCycles(task, memory, compute, lines);
  const denseTask = taskOf(prepared, machine, planned.own, at, noZeros, true);
  const noZerosCycles = fedCycles(denseTask, memory, noZeros, noZerosLines).cycles;
  const counterpart = counterpartCosts(prepared, compute, comparison, planned, count);
  const isOwn = comparison.baseline === comparison.counterpart;
  const baseline = isOwn ? counterpart : baselineCosts(prepared, comparison, planned, count);
  const seconds = cycles.total / clockHz;

  return {
    macs,
    densities: mapValues(operands, ({ elements, nonzeros }) => (elements === 0 ? 0 : nonzeros / elements)),
    scheduled: compute.scheduled,
    cycles,
    breakdown: breakdownOf(compute, cycles, macs.effectual, machine.multipliers),
    saved: {
      lanePadding: compute.baseCycles - solid.cycles,
      imagePadding: solid.cycles - noZeros.cycles,
      natural: noZeros.cycles - natural.cycles,
      topK: natural.cycles - compute.cycles,
    },
    baselineCycles: baseline.cycles,
    baselineComputeCycles: baseline.counts.cycles,
    counterpartCycles: counterpart.cycles,
    counterpartComputeCycles: counterpart.counts.cycles,
    noZerosComputeCycles: noZeros.cycles,
    idealCycles: Math.ceil(macs.effectual / machine.multipliers),
    counters: { ...compute.counters, ...lines?.counters },
    seconds,
    baselineSeconds: baseline.seconds,
    counterpartSeconds: counterpart.seconds,
    noZerosSeconds: noZerosCycles.total / clockHz,
    stalls: fed.stalls,
    traffic: fed.traffic,
    outputTraffic: fed.outputTraffic,
    ...(Object.keys(fed.meanTraffic).length === 0 ? {} : { meanTraffic: fed.meanTraffic }),
    dram: fed.dram,
    tiles: fed.tiles.map(({ tile, order }, index) => ({
      level: memory.levels[index].name,
      ...tile,
      order: [...order],
    })),
    validation: accelerator.validation(actual, params),
    ...energyPart(
      energy,
      withSchedules(multiplyingActivity(machine, compute, fed, macs.dense, seconds), prepared, machine, task),
      multiplyingActivity(comparison.baseline.machine, baseline.counts, baseline.fed, macs.dense, baseline.seconds),
    ),
  };
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
  const found = costsOf(prepared, machine, plan, at, run(machine, prepared.actual));
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
  return costsOf(prepared, counterpart.machine, plan, at, counts);
}

function costsOf(
  prepared: PreparedOperation,
  machine: Machine,
  plan: StepPlan,
  at: number,
  counts: ArrayCounts,
): DenseCosts {
  const task = taskOf(prepared, machine, plan, at, counts, true);
  const { fed, cycles } = fedCycles(task, machine.memory, counts, linesOn(machine, prepared.actual));
  return { counts, fed, cycles: cycles.total, seconds: cycles.total / machine.clockHz };
}

/** Seconds of an operation that multiplies, for the steps that a machine is compared with. */
export function multiplyingSeconds(
  prepared: PreparedOperation,
  machine: Machine,
  plan: StepPlan,
  at: number,
  count: Run = runWhole,
): number {
  const compute = count(machine, prepared.actual);
  const lines = linesOn(machine, prepared.actual);
  const { cycles } = fedCycles(taskOf(prepared, machine, plan, at, compute), machine.memory, compute, lines);
  return cycles.total / machine.clockHz;
}

/** The operation with on-chip buffers line by line, on a machine that has them. */
function linesOn({ accelerator, params, line }: Machine, operation: Operation): LineResult | undefined {
  return line === null ? undefined : accelerator.runLines?.(operation, params, line);
}

/**
 * Sweeps of the vector unit over the elements of an op. Batch norm reads its input for the statistics and again. A threshold
 * is found by a radix search in two sweeps, every period; comparing and compressing is one sweep more.
 */
function sweepsOf(op: OtherOp | SelectOp | TransposeOp): number {
  if (op.kind === "batchNorm") return 2;
  if (op.kind === "select") return 1 + SEARCH_SWEEPS / op.period;
  return 1;
}

const SEARCH_SWEEPS = 2;

/** What a step is charged of an op; an update may serve micro-batches that the trace does not hold. */
function shareOf(op: OtherOp | SelectOp | TransposeOp): number {
  return op.kind === "select" || op.kind === "transpose" ? 1 : (op.share ?? 1);
}

/**
 * The row of an operation that does not multiply: the vector unit reads and writes one element a lane and cycle, while
 * what is not on chip comes and goes. Null for what the machine does not have to do.
 */
export function movingRow(
  op: Exclude<StepOp, PreparedOperation["op"]>,
  comparison: Comparison,
  { at, own, ...dense }: PlannedOp,
): RowCosts | null {
  const { machine } = comparison;
  if (own.tensors(at) === null) return null;
  const isOfMethod = op.kind === "select" || op.kind === "transpose";
  const costs = moved(op, machine, own, at);
  const { stalls, traffic, dram, total, vector, memoryStall } = costs;
  const cycles = { total, vector, memoryStall };
  const timed = (reference: Machine, plan: StepPlan) => {
    if (isOfMethod) return { moves: null, cycles: 0, seconds: 0 };
    const moves = moved(op, reference, plan, at);
    return { moves, cycles: moves.total, seconds: moves.total / reference.clockHz };
  };
  const counterpart = timed(comparison.counterpart.machine, dense.counterpart);
  const isOwn = comparison.baseline === comparison.counterpart;
  const baseline = isOwn ? counterpart : timed(comparison.baseline.machine, dense.baseline);
  const seconds = cycles.total / machine.clockHz;
  return {
    macs: { dense: 0, effectual: 0, topK: 0, natural: 0, imagePadding: 0, stride: 0 },
    densities: {},
    scheduled: null,
    cycles: { compute: 0, rescheduling: 0, ...cycles },
    breakdown: {
      ...NOTHING,
      vector: cycles.vector * machine.multipliers,
      memory: cycles.memoryStall * machine.multipliers,
    },
    saved: { lanePadding: 0, imagePadding: 0, natural: 0, topK: 0 },
    baselineCycles: baseline.cycles,
    baselineComputeCycles: 0,
    counterpartCycles: counterpart.cycles,
    counterpartComputeCycles: 0,
    noZerosComputeCycles: 0,
    idealCycles: isOfMethod ? 0 : cycles.total,
    counters: {},
    seconds,
    baselineSeconds: baseline.seconds,
    counterpartSeconds: counterpart.seconds,
    noZerosSeconds: isOfMethod ? 0 : seconds,
    stalls,
    traffic,
    dram,
    tiles: [],
    validation: "formula",
    ...energyPart(
      comparison.energy,
      movingActivity(costs, seconds),
      baseline.moves === null ? null : movingActivity(baseline.moves, baseline.seconds),
    ),
  };
}

/** Cycles and bytes of an operation that does not multiply. */
function moved(op: Exclude<StepOp, PreparedOperation["op"]>, machine: Machine, plan: StepPlan, at: number) {
  const sweeps = sweepsOf(op) * shareOf(op);
  const touched = plan.tensors(at) ?? op;
  const { reads, writes } = plan.residence(at);
  const side = (
    ids: readonly string[],
    resident: ReadonlySet<string>,
    times: number,
    as: "forward" | "transposed" = "forward",
  ) =>
    ids.map((id) => {
      const isResident = resident.has(plan.idOf(id));
      const bytes = Math.ceil(plan.bytesOf(id, isResident ? OUTERMOST : 0, as) * times);
      return { bytes, isResident, level: plan.levelOf(id) };
    });
  const written =
    op.kind === "transpose" ? side(touched.reads, reads, 1, "transposed") : side(touched.writes, writes, shareOf(op));
  const elementsOf = (ids: readonly string[]) => ids.reduce((sum, id) => sum + plan.elementsOf(id), 0);
  const rewritten = op.kind === "transpose" ? touched.reads : touched.writes;
  const elements = Math.ceil(Math.max(elementsOf(touched.reads), elementsOf(rewritten)) * sweeps);
  const vector = Math.ceil(elements / machine.vectorLanes);
  const tensors = [
    ...side(touched.reads, reads, sweeps).map((tensor) => ({ ...tensor, isWritten: false })),
    ...written.map((tensor) => ({ ...tensor, isWritten: true })),
  ];
  const { stall: memoryStall, ...rest } = move(tensors, machine.memory, vector);
  return { total: vector + memoryStall, vector, memoryStall, elements, ...rest };
}

/** The operation as its memory sees it. `isDense`: on operands without a zero. */
function taskOf(
  { op, actual, operands, outputElements }: PreparedOperation,
  { accelerator, memory }: Machine,
  plan: StepPlan,
  at: number,
  compute: Pick<ComputeResult, "onChipReads" | "onChipWrites">,
  isDense = false,
) {
  const { pass, layer, geometry } = actual;
  const order = readingOrder(accelerator, pass);
  const residence = plan.residence(at);
  const resident = new Set<Held>();
  const entries = operandEntries(pass, operands);
  for (const [name, { id }] of entries) if (residence.reads.has(plan.idOf(id))) resident.add(name);
  if (op.output !== undefined && residence.writes.has(op.output)) resident.add("output");
  const bytes = [memory, ...memory.levels].map(({ storage }, place) => {
    const stored: Partial<Record<Held, number>> = {};
    for (const [name, operand] of entries) {
      const { elements, mask } = operand;
      stored[name] = isDense
        ? storedBytes({ elements, nonzeros: elements }, storage[name], memory.valueBytes)
        : storedMaskBytes(mask, { operand: name, order, geometry }, operand, storage[name], memory.valueBytes);
    }
    stored.output =
      op.output === undefined ? outputElements * outputBytes(pass, memory) : plan.bytesOf(op.output, place);
    return stored;
  });
  const arrayBytes: Partial<Record<Held, number>> = { output: compute.onChipWrites * outputBytes(pass, memory) };
  for (const [name, values] of operandEntries(pass, compute.onChipReads)) arrayBytes[name] = values * memory.valueBytes;
  const partialBytes = outputElements * memory.wideBytes;
  const task = { pass, layer, geometry, bytes, partialBytes, resident, arrayBytes };
  if (isDense) return task;
  return { ...task, bitmaps: [memory, ...memory.levels].map(({ storage }) => bitmapsOf(actual, storage)) };
}

/** Masks of the operands that are stored as bitmaps. */
function bitmapsOf(operation: Operation, storage: Storage): Partial<Record<Operand, BitMask>> {
  return Object.fromEntries(operandsOf(operation).filter(([name]) => storage[name].isBitmap));
}

/** Bytes of one output value: sums of a weight gradient go to the optimizer in the wide type. */
function outputBytes(pass: Pass, memory: MemoryNumbers): number {
  return pass === "weightGrad" ? memory.wideBytes : memory.valueBytes;
}

function runWhole({ accelerator, params }: Machine, operation: Operation): ComputeResult {
  return withCurrentNames(accelerator.run(operation, params));
}

const NOTHING: ResultRow["breakdown"] = {
  effectual: 0,
  unseen: 0,
  imagePadding: 0,
  redundant: 0,
  lanePadding: 0,
  movement: 0,
  imbalance: 0,
  conflicts: 0,
  fillDrain: 0,
  vector: 0,
  rescheduling: 0,
  memory: 0,
};

/** Multiplier-cycles of an operation by cause; `other`, where its multiplier-cycles leave something untold, makes the sum exact. */
function breakdownOf(
  { cycles: compute, multiplierCycles }: ComputeResult,
  cycles: ResultRow["cycles"],
  effectual: number,
  multipliers: number,
): ResultRow["breakdown"] {
  const { occupied, ...idle } = multiplierCycles ?? { occupied: effectual };
  const known = {
    ...NOTHING,
    ...idle,
    effectual,
    unseen: occupied - effectual,
    rescheduling: cycles.rescheduling * multipliers,
    ...(cycles.bufferStall === undefined ? {} : { buffers: cycles.bufferStall * multipliers }),
    memory: cycles.memoryStall * multipliers,
  };
  const other = compute * multipliers - occupied - Object.values(idle).reduce((sum, count) => sum + count, 0);
  return other === 0 ? known : { ...known, other };
}

/** The array, waiting for its buffers or not, overlaps with memory; what memory adds and making a schedule, which nothing hides, come on top. */
function fedCycles(
  task: FeedTask,
  memory: MemoryNumbers,
  { cycles: compute, reschedulingCycles: rescheduling }: Pick<ComputeResult, "cycles" | "reschedulingCycles">,
  lines: LineResult | undefined,
): { readonly fed: Feed; readonly cycles: ResultRow["cycles"] } {
  const bufferStall = lines === undefined ? 0 : lines.cycles - lines.computeCycles;
  const fed = feed(task, memory, compute + bufferStall);
  const total = compute + rescheduling + bufferStall + fed.stall;
  const buffers = lines === undefined ? {} : { bufferStall };
  return { fed, cycles: { total, compute, vector: 0, rescheduling, ...buffers, memoryStall: fed.stall } };
}

function denseRun(
  operation: Operation,
  run: (operation: Operation) => ComputeResult,
  known: Map<string, ComputeResult>,
): ComputeResult {
  const { pass, geometry, topKPeriod, solidPadding } = operation;
  const key = JSON.stringify([pass, geometry, topKPeriod, solidPadding]);
  const result = known.get(key) ?? run(operation);
  known.set(key, result);
  return result;
}

function mapValues<T, U>(record: Readonly<Partial<Record<Operand, T>>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
