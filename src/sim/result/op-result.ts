/** One row of a result, from what the stages of the pipeline found: cycles, what the gain is made of, and where they went. */
import type { ComputeResult } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import type { FedOp } from "../memory/feed-op.ts";
import { isOfMethod, type MovedOp, type MovingOp } from "../memory/move-op.ts";
import type { AblationRuns, BufferRuns } from "../operation/ablation-runs.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import type { Operand } from "../operation/operation.ts";
import type { DenseCosts } from "./comparison.ts";
import type { References } from "./references.ts";
import type { ResultRow } from "./result.ts";

/** A row without its place in the trace. */
export type RowCosts = Omit<ResultRow, "trace" | "step" | "layer" | "kind" | "pass">;

type RowEnergy = Pick<ResultRow, "energy">;

/** What the stages found for an operation that multiplies. */
export interface MultiplyingStages {
  readonly prepared: PreparedOperation;
  readonly array: AblationRuns;
  readonly buffers: BufferRuns;
  readonly memory: FedOp;
  /** The same operation without a zero. */
  readonly noZeros: FedOp;
  readonly references: References<DenseCosts>;
  readonly energy: RowEnergy;
}

/** The row of an operation that multiplies. */
export function multiplyingResult(machine: Machine, stages: MultiplyingStages): RowCosts {
  const { prepared, array, buffers, memory, noZeros, references, energy } = stages;
  const { actual, operands, macs } = prepared;
  const { accelerator, params, multipliers } = machine;
  const { fed, cycles } = memory;
  return {
    macs,
    densities: mapValues(operands, ({ elements, nonzeros }) => (elements === 0 ? 0 : nonzeros / elements)),
    scheduled: array.actual.scheduled,
    cycles,
    breakdown: breakdownOf(array.actual, cycles, macs.effectual, multipliers),
    saved: savedBy(array),
    ...referenceCycles(references),
    noZerosComputeCycles: array.noZeros.cycles,
    idealCycles: Math.ceil(macs.effectual / multipliers),
    counters: { ...array.actual.counters, ...buffers.actual?.counters },
    ...secondsOf(memory.seconds, references, noZeros.seconds),
    stalls: fed.stalls,
    traffic: fed.traffic,
    outputTraffic: fed.outputTraffic,
    ...(Object.keys(fed.meanTraffic).length === 0 ? {} : { meanTraffic: fed.meanTraffic }),
    dram: fed.dram,
    tiles: fed.tiles.map(({ tile, order }, index) => ({
      level: machine.memory.levels[index].name,
      ...tile,
      order: [...order],
    })),
    validation: accelerator.validation(actual, params),
    ...energy,
  };
}

/** What the stages found for an operation that does not multiply; null for a reference that does not do it. */
export interface MovingStages {
  readonly memory: MovedOp;
  readonly references: References<MovedOp | null>;
  readonly energy: RowEnergy;
}

/** The row of an operation that does not multiply. */
export function movingResult(op: MovingOp, machine: Machine, { memory, references, energy }: MovingStages): RowCosts {
  const { total, vector, memoryStall, seconds, stalls, traffic, dram } = memory;
  const timed = (moves: MovedOp | null) => ({
    cycles: moves?.total ?? 0,
    seconds: moves?.seconds ?? 0,
    counts: { cycles: 0 },
  });
  const dense = { baseline: timed(references.baseline), counterpart: timed(references.counterpart) };
  return {
    macs: { dense: 0, effectual: 0, topK: 0, natural: 0, imagePadding: 0, stride: 0 },
    densities: {},
    scheduled: null,
    cycles: { compute: 0, rescheduling: 0, total, vector, memoryStall },
    breakdown: { ...NOTHING, vector: vector * machine.multipliers, memory: memoryStall * machine.multipliers },
    saved: { lanePadding: 0, imagePadding: 0, natural: 0, topK: 0 },
    ...referenceCycles(dense),
    noZerosComputeCycles: 0,
    idealCycles: isOfMethod(op) ? 0 : total,
    counters: {},
    ...secondsOf(seconds, dense, isOfMethod(op) ? 0 : seconds),
    stalls,
    traffic,
    dram,
    tiles: [],
    validation: "formula",
    ...energy,
  };
}

type ReferenceTimes = References<
  Pick<DenseCosts, "cycles" | "seconds"> & { readonly counts: { readonly cycles: number } }
>;

function referenceCycles({ baseline, counterpart }: ReferenceTimes) {
  return {
    baselineCycles: baseline.cycles,
    baselineComputeCycles: baseline.counts.cycles,
    counterpartCycles: counterpart.cycles,
    counterpartComputeCycles: counterpart.counts.cycles,
  };
}

function secondsOf(seconds: number, { baseline, counterpart }: ReferenceTimes, noZerosSeconds: number) {
  return { seconds, baselineSeconds: baseline.seconds, counterpartSeconds: counterpart.seconds, noZerosSeconds };
}

/** Compute cycles that each cause saves: the difference of an ablation and the one with a reason to skip more. */
function savedBy({ actual, natural, noZeros, solid }: AblationRuns): ResultRow["saved"] {
  return {
    lanePadding: actual.baseCycles - solid.cycles,
    imagePadding: solid.cycles - noZeros.cycles,
    natural: noZeros.cycles - natural.cycles,
    topK: natural.cycles - actual.cycles,
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

function mapValues<T, U>(record: Readonly<Partial<Record<Operand, T>>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
