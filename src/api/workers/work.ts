/** A simulation as a thread can be sent it: files by path, and the content of configs and tables that were read. */
import { type EnergyTable, type EnergyTableConfig, resolveEnergyTable } from "../../sim/energy/table.ts";
import { type HardwareConfig, resolveMachine } from "../../sim/hardware/machine.ts";
import type { SimulationInput } from "../../sim/simulate.ts";
import { loadAccelerators, openTraces } from "../open.ts";

/** Where a thread finds what a simulation is about and cannot be sent. */
export interface SimulationSources {
  /** Paths of the traces, in order. */
  readonly traces: readonly string[];
  readonly baselineTraces?: readonly string[];
  /** Modules of user accelerators that the machines need. */
  readonly modules?: readonly string[];
  readonly ownRefreshes?: boolean;
}

/** What a thread is sent. */
export interface HelperWork extends Pick<SimulationInput, "sample" | "allowUnequal"> {
  readonly sources: SimulationSources;
  readonly machines: readonly HardwareConfig[];
  readonly baseline?: HardwareConfig;
  readonly commonBaseline?: HardwareConfig;
  readonly energy?: readonly (EnergyTableConfig | undefined)[];
}

/** An input whose machines and tables are what their configs say. */
export function workOf(
  { machines, baseline, commonBaseline, energy, sample, allowUnequal = false }: SimulationInput,
  sources: SimulationSources,
): HelperWork {
  return {
    ...{ sources, sample, allowUnequal, machines: machines.map(({ config }) => config) },
    ...(baseline === undefined ? {} : { baseline: baseline.config }),
    ...(commonBaseline === undefined ? {} : { commonBaseline: commonBaseline.config }),
    ...(energy === undefined ? {} : { energy: energy.map((table) => table?.config) }),
  };
}

/** The same input again. @throws InputError or Error where files are not there any more. */
export async function openWork({ sources, ...work }: HelperWork): Promise<SimulationInput> {
  const { machines, baseline, commonBaseline, energy, sample, allowUnequal = false } = work;
  const known = await loadAccelerators(sources.modules ?? []);
  const machineOf = (config: HardwareConfig) => resolveMachine(config, config.name, known);
  const tableOf = (table: EnergyTableConfig | undefined): EnergyTable | undefined =>
    table && resolveEnergyTable(table, table.name);
  return {
    traces: await openTraces(sources.traces, sources.ownRefreshes),
    baselineTraces: await openTraces(sources.baselineTraces ?? []),
    ...{ sample, allowUnequal, machines: machines.map(machineOf) },
    ...(baseline === undefined ? {} : { baseline: machineOf(baseline) }),
    ...(commonBaseline === undefined ? {} : { commonBaseline: machineOf(commonBaseline) }),
    ...(energy === undefined ? {} : { energy: energy.map(tableOf) }),
  };
}
