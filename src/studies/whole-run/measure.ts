/** What one recorded step takes on each machine, in the three accounts, from the result of simulating it. */
import { type Static, Type } from "../../core/input/schema.ts";
import { quantity } from "../../core/input/units.ts";
import { accounts, type InAccounts } from "../../report/whole-run/result.ts";
import type { MachineResult, ResultRow, SimulationResult } from "../../sim/result/result.ts";

const strict = { additionalProperties: false };
const numbers = Type.Object({ array: Type.Number(), memory: Type.Number(), step: Type.Number() }, strict);
const CostSchema = Type.Object({ seconds: numbers, picojoules: Type.Optional(numbers) }, strict);

/** A recorded step on all machines. */
export const MeasuredStepSchema = Type.Object(
  {
    notCharged: Type.Array(Type.String()),
    footprint: Type.Object({ denseBytes: Type.Integer(), bytes: Type.Integer() }, strict),
    machines: Type.Array(
      Type.Object(
        {
          machine: Type.String(),
          isEqual: Type.Boolean(),
          ...CostSchema.properties,
          forward: Type.Object(CostSchema.properties, strict),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** Time and energy of a step, or of a part of it. */
export type StepCost = Static<typeof CostSchema>;
/** A recorded step on all machines. */
export type MeasuredStep = Static<typeof MeasuredStepSchema>;

/** Components of energy that are of the array, of the others the memory's or the vector unit's. */
const ARRAY_COMPONENTS: ReadonlySet<string> = new Set(["mac", "register", "skipping"]);
/** What evaluation does not do, although it lies in the forward pass of training. */
const NOT_EVALUATED: ReadonlySet<string> = new Set(["loss", "transpose"]);

/** The costs of the only step of a result. */
export function measuredStep({ machines, footprint, notCharged, incomplete = [] }: SimulationResult): MeasuredStep {
  const { denseBytes, sparseIndexedBytes: bytes } = footprint[0].peak;
  return {
    notCharged: [...notCharged, ...incomplete],
    footprint: { denseBytes, bytes },
    machines: machines.map((machine) => ({
      machine: machine.name,
      isEqual: !machine.baseline.isCounterpart,
      ...costOf(machine, machine.rows),
      forward: costOf(
        machine,
        machine.rows.filter(({ pass, kind }) => pass === "forward" && !NOT_EVALUATED.has(kind)),
      ),
    })),
  };
}

function costOf({ name, config }: MachineResult, rows: readonly ResultRow[]): StepCost {
  const clockHz = quantity("frequency", config.clock, `${name}: clock`);
  const multiplying = rows.filter(({ kind }) => kind === "conv" || kind === "linear");
  const selected: InAccounts<readonly ResultRow[]> = { array: multiplying, memory: multiplying, step: rows };
  const seconds = accounts((account) =>
    account === "array"
      ? multiplying.reduce((sum, { cycles }) => sum + cycles.compute, 0) / clockHz
      : selected[account].reduce((sum, row) => sum + row.seconds, 0),
  );
  if (rows.some(({ energy }) => energy === undefined)) return { seconds };
  const picojoules = accounts((account) =>
    selected[account].reduce((sum, row) => sum + energyOf(row, account === "array"), 0),
  );
  return { seconds, picojoules };
}

function energyOf({ energy }: ResultRow, ofArray: boolean): number {
  const entries = Object.entries(energy?.components ?? {});
  return entries.reduce((sum, [name, pJ]) => sum + (ofArray && !ARRAY_COMPONENTS.has(name) ? 0 : pJ), 0);
}
