/** The constants that a result's energies are made of, each with its unit and source, and where the energy went. */
import type { MachineResult, SimulationResult } from "../../sim/result/result.ts";
import { percent, plainTable } from "./table.ts";

/** Shares of a step's energy by component, machine by machine, and every constant once, with the components that pay it. */
export function energyTable({ machines }: SimulationResult): string {
  const shares = machines.flatMap(({ name, totals }) => {
    const { energy } = totals.training;
    if (energy === undefined) return [];
    const parts = Object.entries(energy.components).map(
      ([component, picojoules]) =>
        `${component} ${percent(energy.picojoules === 0 ? 0 : picojoules / energy.picojoules)}`,
    );
    return [`${name}: ${parts.join(", ")}`];
  });
  return ["Energy of a step by component", ...shares, ...tablesOf(machines).flatMap(tableLines)].join("\n");
}

type Energy = NonNullable<MachineResult["energy"]>;

/** The machines' energies, one a table, with all constants that any of them pays. */
function tablesOf(machines: readonly MachineResult[]): Energy[] {
  const tables = new Map<string, Energy>();
  for (const { energy } of machines) {
    if (energy === undefined) continue;
    const { constants = [], ...rest } = tables.get(energy.table) ?? energy;
    const all = tables.has(energy.table) ? [...constants, ...energy.constants] : constants;
    tables.set(energy.table, { ...rest, constants: all });
  }
  return [...tables.values()];
}

function tableLines({ table: name, node, family, constants }: Energy): string[] {
  const lines = new Map<string, { components: Set<string>; constant: Energy["constants"][number] }>();
  for (const constant of constants) {
    const key = JSON.stringify([constant.action, constant.picojoules, constant.source]);
    const line = lines.get(key) ?? { components: new Set(), constant };
    line.components.add(constant.component);
    lines.set(key, line);
  }
  const sources = [...new Set([...lines.values()].map(({ constant }) => constant.source))];
  const table = plainTable(["action", "paid as", "value", "unit", "source"], 2);
  for (const { components, constant } of lines.values()) {
    const { action, picojoules, unit, source } = constant;
    const number = `[${sources.indexOf(source) + 1}]`;
    table.push([action, [...components].join(", "), picojoules.toPrecision(3), unit, number]);
  }
  const notes = sources.map((source, index) => `[${index + 1}] ${source}`);
  return ["", `Energy table ${name} (${node}): ${family}`, table.toString(), ...notes];
}
