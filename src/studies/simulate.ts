/** Simulating as a verb of the library: traces and machines by name and path, or opened. */
import type { SimulationResult } from "../sim/result.ts";
import type { SimulationFiles } from "./inputs.ts";
import { type SimulationSettings, simulateFiles } from "./simulate-threads.ts";

/** What to simulate, and how. */
export interface SimulationOrder extends Omit<SimulationFiles, "hw" | "modules">, SimulationSettings {
  /** Names of shipped machines, paths of configs, `all`, or machines that are loaded; all where not given. */
  readonly machines?: SimulationFiles["hw"];
  /** Paths of modules of accelerators of one's own. */
  readonly accelerators?: SimulationFiles["modules"];
}

/**
 * Replays traces on machines and compares them with a dense baseline. Energies are those of the tables that configs name, or
 * of `energy`. What is named is simulated on as many threads as pay; what is opened already, on this one.
 * @throws InputError or Error for files that are refused and comparisons that are not fair; what `signal` gives as its reason.
 */
export async function simulate(order: SimulationOrder): Promise<SimulationResult> {
  const { machines = ["all"], accelerators, traces, baselineTraces, baseline, energy, ...settings } = order;
  return simulateFiles({ traces, baselineTraces, hw: machines, modules: accelerators, baseline, energy }, settings);
}
