/** A machine with what it is compared with: the common baseline, or its own dense counterpart. Both train densely. */

import type { ArrayCounts, EnergyModels } from "../energy/action-counts.ts";
import type { ComputeResult } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import type { StepPlan } from "../memory/placement.ts";
import type { Feed } from "../memory/timing.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import { skipsNothing } from "./comparability.ts";

/** What a dense machine takes for an op. */
export interface DenseCosts {
  readonly counts: ArrayCounts;
  readonly fed: Feed;
  readonly cycles: number;
  readonly seconds: number;
}

/** A machine to compare with. */
export interface DenseReference {
  readonly machine: Machine;
  /** Then an op is run whole and once, even where machines are sampled: it costs little beside those that skip. */
  readonly skipsNothing: boolean;
  /** What ops cost, for all machines that are compared with this one. */
  readonly costs: WeakMap<PreparedOperation, DenseCosts>;
}

/** A machine to compare with, before its first op. */
export function denseReference(machine: Machine): DenseReference {
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
