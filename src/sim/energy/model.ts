/**
 * Energy of an op on a machine: what was done × what one of it costs, added up by component in a fixed order, so that the
 * parts sum to the total exactly.
 *
 *     mac         one for each pair that a multiplier really took, whatever it held
 *     register    two operands read, a sum read and written for each of them
 *     skipping    multiplexers, schedulers, and the metadata that the array reads; stored metadata are bytes like others,
 *                 as are weights that are read and written to make a static schedule
 *     vector      a multiplication and an addition for each element and sweep
 *     <level>     bytes read and written; what crosses from one memory to another is read there and written here
 *     dram …      rows opened, bits moved and time of the named part; else bits alone
 */
import { within } from "../../io/faults.ts";
import type { Machine } from "../hardware/machine.ts";
import { dramCharges } from "../memory/dram/energy.ts";
import type { MemoryNumbers } from "../memory/hierarchy.ts";
import { type Accesses, DRAM } from "../memory/timing.ts";
import type { Operand } from "../operation/operation.ts";
import type { COMPONENTS } from "./components.ts";
import type { Action, EnergyTable } from "./table.ts";

const BYTE_BITS = 8;
const KIBI = 1024;

/** What an op does, as far as energy is concerned. */
export interface Activity {
  /** Pairs of operands that multipliers took. */
  readonly multiplications: number;
  /** Whether zeros were skipped, so that operands are chosen. */
  readonly skips: boolean;
  /** Multiplier-cycles while the array works, and while static schedules are made. */
  readonly multiplierCycles: { readonly compute: number; readonly rescheduling: number };
  /** Values that the array reads of the operands whose zeros it skips. */
  readonly scheduledValues: Readonly<Partial<Record<Operand, number>>>;
  /** Elements × sweeps of the vector unit. */
  readonly vectorElements: number;
  readonly accesses: Accesses;
  /** Rows of DRAM that are opened, where its part is known. */
  readonly activations: number;
  readonly seconds: number;
}

/** A constant that a machine pays. */
interface EnergyConstant {
  readonly component: string;
  readonly action: string;
  readonly picojoules: number;
  readonly unit: string;
  readonly source: string;
}

/** The constants of a machine, in the order in which they are added up, each with what counts it. */
export interface EnergyModel {
  readonly table: EnergyTable;
  readonly constants: readonly EnergyConstant[];
  readonly counts: readonly ((activity: Activity) => number)[];
}

/** Energy of an op. */
export interface OpEnergy {
  /** Counts by component and action. */
  readonly actions: Record<string, Record<string, number>>;
  /** Picojoules by component; they add up, in their order, to `picojoules`. */
  readonly components: Record<string, number>;
  readonly picojoules: number;
}

/** Energy of `activity`. */
export function energyOf({ constants, counts }: EnergyModel, activity: Activity): OpEnergy {
  const actions: Record<string, Record<string, number>> = {};
  const components: Record<string, number> = {};
  constants.forEach(({ component, action, picojoules }, index) => {
    const count = counts[index](activity);
    actions[component] = { ...actions[component], [action]: count };
    components[component] = (components[component] ?? 0) + count * picojoules;
  });
  return { actions, components, picojoules: sumOf(components) };
}

/** Sum in the order of the components. */
export function sumOf(components: Readonly<Record<string, number>>): number {
  return Object.values(components).reduce((sum, picojoules) => sum + picojoules, 0);
}

/** What a machine pays by a table. @throws Error that names the machine and an action that the table lacks. */
export function energyModel(machine: Machine, table: EnergyTable): EnergyModel {
  const { config, memory } = machine;
  const { multiply, accumulate } = config.datatype;
  const { valueBytes, wideBytes, levels } = memory;
  const model = new ModelBuilder(machine.name, table);
  const perMac = (count: number) => (activity: Activity) => activity.multiplications * count;

  model.add("mac", `mac.${multiply}-${accumulate}`, perMac(1));
  model.add("register", "register.read", perMac(2 * valueBytes + wideBytes));
  model.add("register", "register.write", perMac(wideBytes));
  addSkipping(model, machine);
  model.add("vector", `vector.${accumulate}`, ({ vectorElements }) => vectorElements);
  for (const { name, bankBytes } of levels) {
    model.add(name, "sram.read", ({ accesses }) => accesses[name]?.read ?? 0, bankBytes);
    model.add(name, "sram.write", ({ accesses }) => accesses[name]?.written ?? 0, bankBytes);
  }
  addDram(model, machine);
  return model;
}

class ModelBuilder implements EnergyModel {
  readonly constants: EnergyConstant[] = [];
  readonly counts: ((activity: Activity) => number)[] = [];
  readonly machine: string;
  readonly table: EnergyTable;

  constructor(machine: string, table: EnergyTable) {
    this.machine = machine;
    this.table = table;
  }

  /**
   * Adds a constant of the table.
   * @param bankBytes for those that depend on it, null where the config does not say.
   * @param name of the action in results, where a component pays it at several prices.
   */
  add(
    component: string,
    action: Action,
    count: (activity: Activity) => number,
    bankBytes?: number | null,
    name: string = action,
  ): void {
    const bytes = bankBytes ?? this.table.sramBank.bytes;
    const kilobytes = bytes / KIBI;
    const { value, per, source, picojoules } = this.constantOf(action, kilobytes);
    const assumed = bankBytes === null ? ` (${this.table.sramBank.source})` : "";
    const at = bankBytes === undefined ? "" : `${value} at ${kilobytes} KiB a bank${assumed}; `;
    this.constants.push({ component, action: name, picojoules, unit: `pJ/${per}`, source: at + source });
    this.counts.push(count);
  }

  private constantOf(action: Action, kilobytes: number) {
    return within(this.machine, () => {
      const constant = this.table.constant(action);
      return { ...constant, picojoules: constant.picojoules({ kilobytes }) };
    });
  }
}

function addSkipping(model: ModelBuilder, { accelerator, params, memory }: Machine): void {
  const hardware = accelerator.skippingHardware(params);
  if (hardware === null) return;
  const { operandMuxes, productMuxes, schedulerBits, schedules, metadataBits } = hardware;
  const component: (typeof COMPONENTS)[number] = "skipping";
  const muxedBits = (operandMuxes * memory.valueBytes + productMuxes * memory.wideBytes) * BYTE_BITS;
  // They stand on the way of the operands, whether zeros are skipped or not.
  model.add(component, "mux.bit", ({ multiplications }) => multiplications * muxedBits);
  model.add(component, "scheduler.bit", ({ skips, multiplierCycles }) =>
    skips ? multiplierCycles[schedules] * schedulerBits : 0,
  );
  const metadataBytes = metadataBits / BYTE_BITS;
  for (const { name, bankBytes, operands } of innermost(memory)) {
    const bytes = ({ scheduledValues }: Activity) =>
      operands.reduce((sum, operand) => sum + (scheduledValues[operand] ?? 0), 0) * metadataBytes;
    model.add(component, "sram.read", bytes, bankBytes, `sram.read of ${name}`);
  }
}

/** The levels that the array reads operands from, with those operands. */
function innermost({ levels }: MemoryNumbers) {
  const operands: readonly Operand[] = ["weight", "input", "outputGrad"];
  return levels
    .map(({ name, bankBytes, holds }, index) => ({
      name,
      bankBytes,
      operands: operands.filter(
        (operand) => holds.has(operand) && !levels.slice(index + 1).some((inner) => inner.holds.has(operand)),
      ),
    }))
    .filter((level) => level.operands.length > 0);
}

function addDram(model: ModelBuilder, { memory: { device } }: Machine): void {
  for (const { component, action, count } of dramCharges(device)) {
    model.add(component, action, ({ accesses, activations, seconds }) => {
      const bits = (accesses[DRAM].read + accesses[DRAM].written) * BYTE_BITS;
      return count({ activations, bits, seconds });
    });
  }
}
