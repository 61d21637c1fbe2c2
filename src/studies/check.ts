/**
 * Regression of cycle counts: a check file holds machines, traces and every integer that simulating them gave; running it
 * simulates again and compares exactly. Energies, which are no integers, are kept where asked for and compared within a
 * relative tolerance. A difference under a raised model version is a changed model, not a regression.
 */

import { FORMAT_VERSIONS } from "../core/format-versions.ts";
import { type Static, Type } from "../core/input/schema.ts";
import { checkKnownVersion, checkSchema, InputError, refusing } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import { type EnergyTable, EnergyTableSchema } from "../sim/energy/table.ts";
import { type HardwareConfig, HardwareConfigSchema, type Machine } from "../sim/hardware/machine.ts";
import type { MachineResult, ResultRow, SimulationResult } from "../sim/result/result.ts";

/**
 * Versions of the check file's schema that are read; the last is written. 1.1 adds energy, 1.2 the common baseline: files without
 * one compare each machine with its own dense counterpart, whose counts are those of the baseline. Files with `baseline` compare with that.
 */
const CHECK_VERSION = FORMAT_VERSIONS.check;
const CHECK_VERSIONS = ["1.0", "1.1", CHECK_VERSION] as const;

/** Relative difference up to which energies are equal, where nothing else is asked for: the order of a sum of doubles. */
export const ENERGY_TOLERANCE = 1e-9;

const strict = { additionalProperties: false };
const byOp = (what: string, value: ReturnType<typeof Type.Integer> | ReturnType<typeof Type.Number>) =>
  Type.Record(Type.Array(Type.Union([value, Type.Null()])), {
    description: `${what} of each op, by \`trace/index layer pass\`, in the order of \`counters\`; null = not counted.`,
  });

/** A check file. */
export const CheckSchema = Type.Object(
  {
    schema: Type.Enum([...CHECK_VERSIONS]),
    traces: Type.Array(
      Type.Object({ path: Type.String({ description: "Relative to the check file." }), sha256: Type.String() }, strict),
      { minItems: 1 },
    ),
    commonBaseline: Type.Optional(HardwareConfigSchema),
    baseline: Type.Optional(HardwareConfigSchema),
    allowUnequal: Type.Optional(
      Type.Boolean({ description: "Whether the baseline may differ in peak, clock, datatype or memory." }),
    ),
    machines: Type.Array(
      Type.Object(
        {
          config: HardwareConfigSchema,
          modelVersion: Type.Integer(),
          counters: Type.Array(Type.String(), { description: "Names of the counts of an op." }),
          counts: byOp("Counts", Type.Integer()),
          energy: Type.Optional(
            Type.Object(
              {
                table: EnergyTableSchema,
                tolerance: Type.Number({
                  minimum: 0,
                  description: "Relative difference up to which energies are equal.",
                }),
                counters: Type.Array(Type.String(), { description: "Names of the energies of an op." }),
                picojoules: byOp("Energies", Type.Number()),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
);
precompiled(CheckSchema);

/** A checked check file. */
export type CheckFile = Static<typeof CheckSchema>;

/** What machines of a check file are compared with; of the two baselines one, or in files of old neither. */
export type CheckedBaseline = Pick<CheckFile, "baseline" | "commonBaseline" | "allowUnequal">;

/** One number that is not what it was. `undefined` = not there. */
export interface CheckDifference {
  readonly machine: string;
  readonly op: string;
  readonly counter: string;
  readonly expected: number | undefined;
  readonly actual: number | undefined;
}

/** What comparing gave for one machine. */
export interface CheckVerdict {
  readonly machine: string;
  readonly recordedVersion: number;
  readonly modelVersion: number;
  /** Names of all ops, recorded or new. */
  readonly ops: readonly string[];
  readonly compared: number;
  readonly differences: readonly CheckDifference[];
}

/** With what the energies of a machine are recorded. */
export interface CheckedEnergy {
  readonly table: EnergyTable;
  readonly tolerance: number;
}

/**
 * The check file for a result.
 * @param paths of the result's traces, relative to where the file will lie.
 * @param energies of each machine, in the order of the result; those of a machine without one are not kept.
 * @param compared what the result's machines were compared with.
 * @throws Error for the result of a sample.
 */
export function checkFileOf(
  result: SimulationResult,
  paths: readonly string[],
  energies: readonly (CheckedEnergy | undefined)[] = [],
  { baseline, commonBaseline, allowUnequal }: CheckedBaseline = {},
): CheckFile {
  if (result.sample !== undefined) {
    throw new InputError([`check: a sample has no exact counts, got a result with sample ${result.sample.share}`]);
  }
  return {
    schema: CHECK_VERSION,
    traces: result.traces.map(({ sha256 }, index) => ({ path: paths[index], sha256 })),
    ...(commonBaseline === undefined ? {} : { commonBaseline }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(allowUnequal ? { allowUnequal } : {}),
    machines: result.machines.map((machine, index) => {
      const { counters, values: counts } = listed(byOpOf(machine, integersWith(baseline ?? commonBaseline)));
      const recorded = { config: machine.config, modelVersion: machine.modelVersion, counters, counts };
      const energy = energies[index];
      if (energy === undefined) return recorded;
      const { counters: kinds, values: picojoules } = listed(byOpOf(machine, energiesOf));
      const { table, tolerance } = energy;
      return { ...recorded, energy: { table: table.config, tolerance, counters: kinds, picojoules } };
    }),
  };
}

/** Reads a check file. @throws InputError with a line for each fault. */
export function readCheck(value: unknown, where: string): CheckFile {
  return refusing(where, () => checkedFile(value, where));
}

function checkedFile(value: unknown, where: string): CheckFile {
  checkKnownVersion(value, "schema", CHECK_VERSIONS, where);
  const check = checkSchema(CheckSchema, value, where);
  if (check.baseline !== undefined && check.commonBaseline !== undefined) {
    throw new InputError([`${where}: has "baseline" and "commonBaseline"; valid: one of them`]);
  }
  const faults = check.machines.flatMap(({ config, counters, counts, energy }) => [
    ...lengthFaults(`${where}: ${config.name}: counts`, counters, counts),
    ...(energy === undefined
      ? []
      : lengthFaults(`${where}: ${config.name}: energy.picojoules`, energy.counters, energy.picojoules)),
  ]);
  if (faults.length > 0) throw new InputError(faults);
  return check;
}

function lengthFaults(where: string, counters: readonly string[], byOp: CheckFile["machines"][number]["counts"]) {
  return Object.entries(byOp)
    .filter(([, values]) => values.length !== counters.length)
    .map(([op, { length }]) => `${where}: ${op}: must have one item a counter, got ${length} of ${counters.length}`);
}

/** @throws InputError where a file was recorded by a newer model than that of `machines`: its counts say nothing about this one. */
export function checkVersions({ machines: recorded }: CheckFile, machines: readonly Machine[], where: string): void {
  const faults = recorded.flatMap(({ config, modelVersion }, index) => {
    const { id, modelVersion: known } = machines[index].accelerator;
    const got = `modelVersion: recorded by a newer model of ${id}, got ${modelVersion}; valid: up to ${known}`;
    return modelVersion > known ? [`${where}: ${config.name}: ${got}`] : [];
  });
  if (faults.length > 0) throw new InputError(faults);
}

/** The text of a check file: one line for each op, so that a difference in version control reads as one. */
export function formatCheck(check: CheckFile): string {
  const innermost = /[{[]\n[^{}[\]]*[}\]]/g;
  return `${JSON.stringify(check, null, 2).replace(innermost, (node) => node.replace(/\n\s*/g, " "))}\n`;
}

/** Compares a new result with a check file, machine by machine in the file's order. */
export function compareWithCheck(check: CheckFile, result: SimulationResult): CheckVerdict[] {
  return check.machines.map(({ config, modelVersion, counters, counts, energy }, index) => {
    const machine = result.machines[index];
    const exact = compare(
      named(counters, counts),
      byOpOf(machine, integersWith(check.baseline ?? check.commonBaseline)),
      0,
    );
    const close =
      energy === undefined
        ? { ops: [], compared: 0, differences: [] }
        : compare(named(energy.counters, energy.picojoules), byOpOf(machine, energiesOf), energy.tolerance);
    return {
      machine: config.name,
      recordedVersion: modelVersion,
      modelVersion: machine.modelVersion,
      ops: [...new Set([...exact.ops, ...close.ops])],
      compared: exact.compared + close.compared,
      differences: [...exact.differences, ...close.differences].map((found) => ({ machine: config.name, ...found })),
    };
  });
}

/** Numbers by op and counter. */
type Numbers = Readonly<Record<string, Readonly<Record<string, number>>>>;

function compare(expected: Numbers, actual: Numbers, tolerance: number) {
  const differences: Omit<CheckDifference, "machine">[] = [];
  const ops = union(expected, actual);
  let compared = 0;
  for (const op of ops) {
    for (const counter of union(expected[op] ?? {}, actual[op] ?? {})) {
      compared++;
      const [before, now] = [expected[op]?.[counter], actual[op]?.[counter]];
      if (!isEqual(before, now, tolerance)) differences.push({ op, counter, expected: before, actual: now });
    }
  }
  return { ops, compared, differences };
}

function isEqual(a: number | undefined, b: number | undefined, tolerance: number): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

/** Numbers of a result as a check file lists them. */
function listed(numbers: Numbers): { counters: string[]; values: Record<string, (number | null)[]> } {
  const counters = [...new Set(Object.values(numbers).flatMap((op) => Object.keys(op)))];
  const values = Object.entries(numbers).map(([op, of]) => [op, counters.map((name) => of[name] ?? null)] as const);
  return { counters, values: Object.fromEntries(values) };
}

/** The way back. */
function named(counters: readonly string[], values: Readonly<Record<string, readonly (number | null)[]>>): Numbers {
  return Object.fromEntries(
    Object.entries(values).map(([op, list]) => [
      op,
      Object.fromEntries(list.flatMap((value, i) => (value === null ? [] : [[counters[i], value]]))),
    ]),
  );
}

function byOpOf({ rows }: MachineResult, numbersOf: (row: ResultRow) => Record<string, number>): Numbers {
  return Object.fromEntries(
    rows.map((row, index) => [`${row.trace}/${index} ${row.layer} ${row.pass}${costOf(row)}`, numbersOf(row)]),
  );
}

/** What the method costs beside the ops of its layer. */
function costOf({ kind }: ResultRow): string {
  return kind === "select" || kind === "transpose" ? ` ${kind}` : "";
}

/** The integers of a row; those of the dense counterpart where there is another baseline beside it. */
function integersWith(shared: HardwareConfig | undefined): (row: ResultRow) => Record<string, number> {
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
function energiesOf({ energy }: ResultRow): Record<string, number> {
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

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
