/** The numbers of an op that a check file keeps, and what it calls the op. */
import type { HardwareConfig } from "../sim/hardware/machine.ts";
import type { ResultRow } from "../sim/result/result.ts";

/** Numbers of a row by counter. */
export type NumbersOf = (row: ResultRow) => Record<string, number>;

/** What a row is called that is the `index`-th of its machine. */
export function opName({ trace, layer, pass, kind }: ResultRow, index: number): string {
  // What the method costs beside the ops of its layer.
  const cost = kind === "select" || kind === "transpose" ? ` ${kind}` : "";
  return `${trace}/${index} ${layer} ${pass}${cost}`;
}

/** The index in a name; undefined in one that no row has. */
export function indexIn(name: string): number | undefined {
  const [, index] = /^\d+\/(\d{1,15}) /.exec(name) ?? [];
  return index === undefined ? undefined : Number(index);
}

/** The integers of a row; those of the dense counterpart where there is another baseline beside it. */
export function integersWith(shared: HardwareConfig | undefined): NumbersOf {
  if (shared === undefined) return integersOf;
  return (row) => {
    const { counterpartCycles = 0, counterpartComputeCycles } = row;
    return { ...integersOf(row), counterpartCycles, counterpartComputeCycles };
  };
}

function integersOf(row: ResultRow): Record<string, number> {
  const { macs, cycles, saved, counters } = row;
  const places = [row.stalls, row.traffic].flatMap((group, index) =>
    Object.entries(group).map(([place, values]) => [`${index === 0 ? "stalls" : "traffic"}.${place}`, values]),
  );
  const groups: Record<string, Record<string, number>> = {
    macs,
    cycles,
    saved,
    counters,
    ...Object.fromEntries(places),
  };
  const { baselineCycles, baselineComputeCycles, noZerosComputeCycles, idealCycles } = row;
  return { baselineCycles, baselineComputeCycles, noZerosComputeCycles, idealCycles, ...flattened(groups) };
}

/** Picojoules of a row. */
export function energiesOf({ energy }: ResultRow): Record<string, number> {
  if (energy === undefined) return {};
  const { picojoules, baselinePicojoules, components } = energy;
  const totals = { "energy.picojoules": picojoules, "energy.baselinePicojoules": baselinePicojoules };
  return { ...totals, ...flattened({ "energy.components": components }) };
}

function flattened(groups: Readonly<Record<string, Readonly<Record<string, number>>>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, values]) =>
      Object.entries(values).map(([name, value]) => [`${group}.${name}`, value]),
    ),
  );
}
