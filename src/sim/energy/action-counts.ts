/** What an op does, as the counts that energy is made of, and the energy of a row. */
import type { ComputeResult } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import type { Feed, FeedTask } from "../memory/timing.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import type { ResultRow } from "../result/result.ts";
import { type Activity, type EnergyModel, energyOf } from "./model.ts";

/** What a machine and its baseline pay for an action. */
export interface EnergyModels {
  readonly own: EnergyModel;
  readonly reference: EnergyModel;
}

/** What is counted of an array. */
export type ArrayCounts = Pick<
  ComputeResult,
  "cycles" | "reschedulingCycles" | "scheduled" | "multiplierCycles" | "onChipReads" | "onChipWrites"
>;

/** Energy of a row on the machine and on its baseline, which did nothing where its activity is null. */
export function energyPart(
  energy: EnergyModels | undefined,
  own: Activity,
  baseline: Activity | null,
): Pick<ResultRow, "energy"> {
  if (energy === undefined) return {};
  const baselinePicojoules = baseline === null ? 0 : energyOf(energy.reference, baseline).picojoules;
  return { energy: { ...energyOf(energy.own, own), baselinePicojoules } };
}

/** What an op that multiplies does; an array that does not tell its multiplier-cycles multiplies all dense pairs. */
export function multiplyingActivity(
  { multipliers }: Machine,
  { cycles, reschedulingCycles, scheduled, multiplierCycles, onChipReads }: ArrayCounts,
  { accesses, dram }: Feed,
  denseMacs: number,
  seconds: number,
): Activity {
  const { occupied, imagePadding = 0, redundant = 0 } = multiplierCycles ?? { occupied: denseMacs };
  const reads = Object.entries(onChipReads).filter(([name]) => scheduled === "both" || scheduled === name);
  return {
    multiplications: occupied + imagePadding + redundant,
    skips: scheduled !== null,
    multiplierCycles: { compute: multipliers * cycles, rescheduling: multipliers * reschedulingCycles },
    scheduledValues: Object.fromEntries(reads),
    vectorElements: 0,
    accesses,
    activations: dram?.activations ?? 0,
    seconds,
  };
}

/**
 * The same with the bytes of making a static schedule, its share of one refresh: where weights are first held on chip, they
 * are read, and their nonzeros are written in the order of the schedule with what says where they belong.
 */
export function withSchedules(
  activity: Activity,
  { actual: { topKPeriod }, operands: { weight } }: PreparedOperation,
  { accelerator, params, memory }: Machine,
  { bytes }: FeedTask,
): Activity {
  const place = memory.levels.findIndex(({ holds }) => holds.has("weight"));
  if (activity.multiplierCycles.rescheduling === 0 || weight === undefined || place < 0) return activity;
  const { metadataBits = 0 } = accelerator.skippingHardware(params) ?? {};
  const { name } = memory.levels[place];
  const { read, written } = activity.accesses[name];
  const scheduled = weight.nonzeros * (memory.valueBytes + metadataBits / BYTE_BITS);
  const more = {
    read: read + Math.ceil((bytes[place + 1].weight ?? 0) / topKPeriod),
    written: written + Math.ceil(scheduled / topKPeriod),
  };
  return { ...activity, accesses: { ...activity.accesses, [name]: more } };
}

const BYTE_BITS = 8;

/** What an op that does not multiply does. */
export function movingActivity(
  { elements, accesses, dram }: Pick<Feed, "accesses" | "dram"> & { readonly elements: number },
  seconds: number,
): Activity {
  return { ...IDLE_ARRAY, vectorElements: elements, accesses, activations: dram?.activations ?? 0, seconds };
}

const IDLE_ARRAY = {
  multiplications: 0,
  skips: false,
  multiplierCycles: { compute: 0, rescheduling: 0 },
  scheduledValues: {},
};
