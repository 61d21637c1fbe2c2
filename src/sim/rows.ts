/** One row of a result: what an operation costs on a machine and on its baseline, and what the gain is made of. */
import { sizeOf } from "../kernels/geometry.ts";
import type { OtherOp } from "../trace/manifest.ts";
import type { Trace } from "../trace/trace.ts";
import type { ComputeResult } from "./accelerator.ts";
import type { Machine } from "./machine.ts";
import { type MemoryCost, moveBytes, outputBytes, runMemory } from "./memory.ts";
import type { Operand, Operation } from "./operation.ts";
import type { PreparedOperation } from "./prepare.ts";
import type { ResultRow } from "./result.ts";

/** A row without its place in the trace. */
export type RowCosts = Omit<ResultRow, "trace" | "step" | "layer" | "kind" | "pass">;

/** A machine and what it is compared with; `isTwin` where that is its own array without skipping. */
export interface Comparison {
  readonly machine: Machine;
  readonly reference: Machine;
  readonly isTwin: boolean;
}

/** The row of an operation that multiplies. */
export function multiplyingRow(prepared: PreparedOperation, { machine, reference, isTwin }: Comparison): RowCosts {
  const { actual, sizes, macs, op } = prepared;
  const { accelerator, params, clockHz, memory } = machine;
  const run = memoized((operation) => accelerator.run(operation, params));
  const compute = run(actual);
  const natural = run(prepared.natural);
  const noZeros = run(prepared.noZeros);
  const solid = run(prepared.solid);

  const fed = feed(prepared, machine);
  const cycles = overlapped(compute, fed.cycles);
  const noZerosCycles = overlapped(noZeros, feed(prepared, machine, true).cycles);
  const baseline = isTwin
    ? { cycles: compute.baseCycles, reschedulingCycles: 0 }
    : reference.accelerator.run(actual, reference.params);
  const baselineCycles = overlapped(baseline, feed(prepared, reference).cycles).total;

  return {
    macs,
    densities: mapValues(sizes, ({ elements, nonzeros }) => (elements === 0 ? 0 : nonzeros / elements)),
    scheduled: compute.scheduled,
    cycles,
    breakdown: breakdownOf(compute, cycles, macs.effectual, machine.multipliers),
    saved: {
      lanePadding: compute.baseCycles - solid.cycles,
      imagePadding: solid.cycles - noZeros.cycles,
      natural: noZeros.cycles - natural.cycles,
      topK: natural.cycles - compute.cycles,
    },
    baselineCycles,
    baselineComputeCycles: baseline.cycles,
    noZerosComputeCycles: noZeros.cycles,
    idealCycles: Math.ceil(macs.effectual / machine.multipliers),
    counters: { ...compute.counters },
    seconds: cycles.total / clockHz,
    baselineSeconds: baselineCycles / reference.clockHz,
    noZerosSeconds: noZerosCycles.total / clockHz,
    onChipBytes: {
      ...mapValues(compute.onChipReads, (values) => values * memory.valueBytes),
      output: compute.onChipWrites * outputBytes(op.pass, memory),
    },
    offChipBytes: { ...fed.bytes },
    validation: accelerator.validation(actual, params),
  };
}

/** Seconds of an operation that multiplies, for the steps that a machine is compared with. */
export function multiplyingSeconds(prepared: PreparedOperation, machine: Machine): number {
  const compute = machine.accelerator.run(prepared.actual, machine.params);
  return overlapped(compute, feed(prepared, machine).cycles).total / machine.clockHz;
}

/** The row of an operation that only moves bytes; everything it reads and writes goes over the memory interface. */
export function movingRow(op: OtherOp, trace: Trace, { machine, reference }: Comparison): RowCosts {
  const bytesOf = (ids: readonly string[], { memory }: Machine) =>
    ids.reduce((sum, id) => {
      const { role, shape } = trace.tensor(id);
      const wide = role === "parameter" || role === "parameterGrad" || role === "optimizerState";
      return sum + sizeOf(shape) * (wide ? memory.wideBytes : memory.valueBytes);
    }, 0);
  const moved = (target: Machine) => moveBytes(bytesOf(op.reads, target), bytesOf(op.writes, target), target);
  const { bytes, cycles: total } = moved(machine);
  const baselineCycles = moved(reference).cycles;
  const seconds = total / machine.clockHz;
  return {
    macs: { dense: 0, effectual: 0, topK: 0, natural: 0, imagePadding: 0, stride: 0 },
    densities: {},
    scheduled: null,
    cycles: { total, compute: 0, rescheduling: 0, memoryStall: total },
    breakdown: { ...NOTHING, memory: total * machine.multipliers },
    saved: { lanePadding: 0, imagePadding: 0, natural: 0, topK: 0 },
    baselineCycles,
    baselineComputeCycles: 0,
    noZerosComputeCycles: 0,
    idealCycles: total,
    counters: {},
    seconds,
    baselineSeconds: baselineCycles / reference.clockHz,
    noZerosSeconds: seconds,
    onChipBytes: {},
    offChipBytes: { ...bytes },
    validation: "formula",
  };
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
  rescheduling: 0,
  memory: 0,
};

/** Multiplier-cycles of an operation by cause; `other`, where its slots leave something untold, makes the sum exact. */
function breakdownOf(
  { cycles: compute, slots }: ComputeResult,
  cycles: ResultRow["cycles"],
  effectual: number,
  multipliers: number,
): ResultRow["breakdown"] {
  const { occupied, ...idle } = slots ?? { occupied: effectual };
  const known = {
    ...NOTHING,
    ...idle,
    effectual,
    unseen: occupied - effectual,
    rescheduling: cycles.rescheduling * multipliers,
    memory: cycles.memoryStall * multipliers,
  };
  const other = compute * multipliers - occupied - Object.values(idle).reduce((sum, count) => sum + count, 0);
  return other === 0 ? known : { ...known, other };
}

/** Compute and DRAM overlap; making a schedule does not. */
function overlapped(
  { cycles: compute, reschedulingCycles: rescheduling }: Pick<ComputeResult, "cycles" | "reschedulingCycles">,
  dram: number,
): ResultRow["cycles"] {
  const memoryStall = Math.max(0, dram - compute);
  return { total: compute + rescheduling + memoryStall, compute, rescheduling, memoryStall };
}

function feed({ sizes, op, outputElements }: PreparedOperation, machine: Machine, withoutZeros = false): MemoryCost {
  const fed = withoutZeros ? mapValues(sizes, ({ elements }) => ({ elements, nonzeros: elements })) : sizes;
  return runMemory(op.pass, fed, outputElements, machine);
}

function memoized(run: (operation: Operation) => ComputeResult): (operation: Operation) => ComputeResult {
  const results = new Map<Operation, ComputeResult>();
  return (operation) => {
    const known = results.get(operation) ?? run(operation);
    results.set(operation, known);
    return known;
  };
}

function mapValues<T, U>(record: Readonly<Partial<Record<Operand, T>>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
