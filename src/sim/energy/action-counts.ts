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

/** What a machine or its baseline counted for an op that multiplies. */
interface FedCounts {
  readonly counts: ArrayCounts;
  readonly fed: Feed;
  readonly seconds: number;
}

/** A machine, its baseline, and what they pay; the energy of a row is not told without. */
interface Priced {
  readonly machine: Machine;
  readonly baseline: { readonly machine: Machine };
  readonly energy?: EnergyModels;
}

/** Energy of an op that multiplies, on the machine and on its baseline. */
export function multiplyingEnergy(
  prepared: PreparedOperation,
  { machine, baseline, energy }: Priced,
  own: FedCounts & { readonly task: FeedTask },
  reference: FedCounts,
): Pick<ResultRow, "energy"> {
  const { dense } = prepared.macs;
  const activity = withSchedules(multiplyingActivity(machine, own, dense), prepared, machine, own.task);
  return energyPart(energy, activity, multiplyingActivity(baseline.machine, reference, dense));
}

/** Energy of an op that does not; `reference` is null where the baseline does not do it. */
export function movingEnergy(
  { energy }: Priced,
  own: MovedCounts,
  reference: MovedCounts | null,
): Pick<ResultRow, "energy"> {
  return energyPart(energy, movingActivity(own), reference === null ? null : movingActivity(reference));
}

/** Energy of a row on the machine and on its baseline, which did nothing where its activity is null. */
function energyPart(
  energy: EnergyModels | undefined,
  own: Activity,
  baseline: Activity | null,
): Pick<ResultRow, "energy"> {
  if (energy === undefined) return {};
  const baselinePicojoules = baseline === null ? 0 : energyOf(energy.reference, baseline).picojoules;
  return { energy: { ...energyOf(energy.own, own), baselinePicojoules } };
}

/** What an op that multiplies does; an array that does not tell its multiplier-cycles multiplies all dense pairs. */
function multiplyingActivity(
  { multipliers }: Machine,
  { counts, fed, seconds }: FedCounts,
  denseMacs: number,
): Activity {
  const { cycles, reschedulingCycles, scheduled, multiplierCycles, onChipReads } = counts;
  const { accesses, dram } = fed;
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
function withSchedules(
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

/** What is counted of an op that does not multiply. */
interface MovedCounts extends Pick<Feed, "accesses" | "dram"> {
  readonly elements: number;
  readonly seconds: number;
}

/** What an op that does not multiply does. */
function movingActivity({ elements, accesses, dram, seconds }: MovedCounts): Activity {
  return { ...IDLE_ARRAY, vectorElements: elements, accesses, activations: dram?.activations ?? 0, seconds };
}

const IDLE_ARRAY = {
  multiplications: 0,
  skips: false,
  multiplierCycles: { compute: 0, rescheduling: 0 },
  scheduledValues: {},
};
