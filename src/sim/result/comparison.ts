/** A machine with what it is compared with: the common baseline, or its own dense counterpart. Both train densely. */

import type { ArrayCounts, EnergyModels } from "../energy/action-counts.ts";
import { energyModel } from "../energy/model.ts";
import type { EnergyTable } from "../energy/table.ts";
import type { ComputeResult } from "../hardware/accelerator.ts";
import { denseTwin, type Machine } from "../hardware/machine.ts";
import type { StepPlan } from "../memory/placement.ts";
import type { Feed } from "../memory/timing.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import { differencesFrom, skipsNothing } from "./comparability.ts";

/** What a dense machine takes for an op. */
export interface DenseCosts {
  readonly counts: ArrayCounts;
  readonly fed: Feed;
  readonly cycles: number;
  readonly seconds: number;
}

/** A machine to compare with. */
interface DenseReference {
  readonly machine: Machine;
  /** Then an op is run whole and once, even where machines are sampled: it costs little beside those that skip. */
  readonly skipsNothing: boolean;
  /** What ops cost, for all machines that are compared with this one. */
  readonly costs: WeakMap<PreparedOperation, DenseCosts>;
}

/** A machine to compare with, before its first op. */
function denseReference(machine: Machine): DenseReference {
  return { machine, skipsNothing: skipsNothing(machine), costs: new WeakMap() };
}

/** A machine and what it is compared with; `baseline` is `counterpart` where that is its own array without skipping. */
export interface Comparison {
  readonly machine: Machine;
  readonly baseline: DenseReference;
  readonly counterpart: DenseReference;
  /** What the machine and its baseline pay for an action, where energy is asked for. */
  readonly energy?: EnergyModels;
  /** What the machine took for operations without a zero, which depends on their shape alone. */
  readonly denseRuns: Map<string, ComputeResult>;
}

/** An op of a step with the plans of the machine and of those that it is compared with. */
export interface PlannedOp {
  readonly at: number;
  readonly own: StepPlan;
  readonly baseline: StepPlan;
  readonly counterpart: StepPlan;
}

/** Machines, and what they are compared with. */
export interface ComparisonInput {
  readonly machines: readonly Machine[];
  /** Dense machine to compare all machines with, which must be equal to it in everything but skipping. */
  readonly baseline?: Machine;
  /**
   * Where no `baseline` is given: the dense machine to compare those with that are equal to it in everything but skipping. The others,
   * and without it all, are compared with their own dense counterpart: their array without skipping.
   */
  readonly commonBaseline?: Machine;
  /** Compare machines with a baseline of another peak, clock, datatype, memory or rules. Such are not ranked. */
  readonly allowUnequal?: boolean;
  /** Energy table of each machine and its baseline, in the order of `machines`; without any, no energy is told. */
  readonly energy?: readonly (EnergyTable | undefined)[];
}

/** A comparison, and in what the machine differs from the common baseline, whether compared with that or not. */
export interface Terms extends Comparison {
  readonly differences: readonly string[];
}

/** Every machine with what it is compared with, before the first op. */
export function comparisonsOf({ machines, energy, allowUnequal, ...input }: ComparisonInput): Terms[] {
  const asked = input.baseline ?? input.commonBaseline;
  const common = asked === undefined ? undefined : denseReference(asked);
  return machines.map((machine, index) => {
    const counterpart = denseReference(denseTwin(machine));
    const differences = common === undefined ? [] : differencesFrom(common.machine, machine);
    const isCommon = input.baseline !== undefined || allowUnequal || differences.length === 0;
    const baseline = isCommon ? (common ?? counterpart) : counterpart;
    const comparison = { machine, baseline, counterpart, differences, denseRuns: new Map() };
    const table = energy?.[index];
    if (table === undefined) return comparison;
    return {
      ...comparison,
      energy: { own: energyModel(machine, table), reference: energyModel(baseline.machine, table) },
    };
  });
}
