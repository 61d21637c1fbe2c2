/**
 * Results of version 1 as those of today. Their totals were sums over traces, and their baseline was each machine's own dense
 * counterpart unless another was asked for, so that machines of such a result are listed apart and not ranked.
 */

import { quantity } from "../../core/input/units.ts";
import { accelerators } from "../arrays/index.ts";
import { type HardwareConfig, resolveMachine } from "../hardware/machine.ts";
import { differencesFrom } from "./comparability.ts";
import { type MachineResult, RESULT_VERSION, type ResultRow, type ResultTotal, SELF } from "./result.ts";
import { totalsOf } from "./totals.ts";

interface OldResult {
  readonly traces: readonly unknown[];
  readonly baseline: { readonly machine: string };
  readonly machines: readonly OldMachine[];
}

interface OldMachine extends Pick<MachineResult, "name" | "config"> {
  readonly baseline: { readonly name: string; readonly config: HardwareConfig };
  readonly rows: readonly ResultRow[];
  readonly totals: Readonly<Record<string, ResultTotal>>;
}

/** A parsed result of version 1 in the current form; anything else is returned unchanged for the schema to refuse. */
export function upgradeResult(value: unknown): unknown {
  const old = value as OldResult;
  try {
    const isOwn = old.baseline.machine === SELF;
    const machines = old.machines.map((machine) => upgradeMachine(machine, isOwn, old.traces.length));
    return { ...old, schema: RESULT_VERSION, machines };
  } catch (error) {
    if (error instanceof TypeError) return value;
    throw error;
  }
}

function upgradeMachine(machine: OldMachine, isOwn: boolean, steps: number) {
  const { config, baseline } = machine;
  const rows = machine.rows.map((row): ResultRow => {
    const { cycles, saved, baselineCycles, baselineSeconds } = row;
    const counterpartComputeCycles = Object.values(saved).reduce((sum, count) => sum + count, cycles.compute);
    const whole = { counterpartCycles: baselineCycles, counterpartSeconds: baselineSeconds };
    return { ...row, counterpartComputeCycles, ...(isOwn ? whole : {}) };
  });
  const clockOf = ({ name, clock }: HardwareConfig) => quantity("frequency", clock, `${name}: clock`);
  const means = totalsOf(rows, {
    ...{ machine: { clockHz: clockOf(config) }, baselineClockHz: clockOf(baseline.config) },
    ...{ steps, dense: { ops: [], steps: 0 } },
  });
  return {
    ...machine,
    baseline: { ...baseline, isCounterpart: isOwn, differences: isOwn ? [] : differences(baseline.config, config) },
    isBound: accelerators[config.accelerator]?.isBound ?? false,
    rows,
    totals: Object.fromEntries(
      Object.entries(means).map(([name, total]) => [name, withDenseTraining(total, machine.totals[name], steps)]),
    ),
  };
}

/** The rows of dense training are not in a result; what it told of them is kept. */
function withDenseTraining(total: ResultTotal, old: ResultTotal, steps: number): ResultTotal {
  const { denseTrainingSeconds, speedupOverDenseTraining = null, ci95 = {} } = old;
  if (denseTrainingSeconds === undefined) return total;
  const widths = {
    ...total.ci95,
    ...("denseTrainingSeconds" in ci95 ? { denseTrainingSeconds: ci95.denseTrainingSeconds / steps } : {}),
    ...("speedupOverDenseTraining" in ci95 ? { speedupOverDenseTraining: ci95.speedupOverDenseTraining } : {}),
  };
  const dense = { denseTrainingSeconds: denseTrainingSeconds / steps, speedupOverDenseTraining };
  return { ...total, ...dense, ...(Object.keys(widths).length === 0 ? {} : { ci95: widths }) };
}

/** Version 1 kept no terms; they are those of the configs, where their accelerators ship. */
function differences(baseline: HardwareConfig, config: HardwareConfig): string[] {
  if (!(baseline.accelerator in accelerators && config.accelerator in accelerators)) return ["terms unknown"];
  const [common, machine] = [baseline, config].map((each) => resolveMachine(each, each.name, accelerators));
  return differencesFrom(common, machine);
}
