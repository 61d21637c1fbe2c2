/**
 * Regression of cycle counts: a check file holds machines, traces and every integer that simulating them gave; running it
 * simulates again and compares exactly. Energies, which are no integers, are kept where asked for and compared within a
 * relative tolerance. A difference under a raised model version is a changed model, not a regression.
 */

import { FORMAT_VERSIONS } from "../core/format-versions.ts";
import { type Static, Type } from "../core/input/schema.ts";
import { checkKnownVersion, checkSchema, InputError, refusing } from "../io/faults.ts";
import { JsonFields, jsonParts } from "../io/json-parts.ts";
import { precompiled } from "../io/validators/program.ts";
import { type EnergyTable, EnergyTableSchema } from "../sim/energy/table.ts";
import { HardwareConfigSchema, type Machine } from "../sim/hardware/machine.ts";
import type { ResultRow, StreamedResult } from "../sim/result/result.ts";
import { energiesOf, integersWith, type NumbersOf, opName } from "./check-numbers.ts";

/**
 * Versions of the check file's schema that are read; the last is written. 1.1 adds energy, 1.2 the common baseline: files without
 * one compare each machine with its own dense counterpart, whose counts are those of the baseline. Files with `baseline` compare with that.
 */
const CHECK_VERSION = FORMAT_VERSIONS.check;
const CHECK_VERSIONS = ["1.0", "1.1", CHECK_VERSION] as const;

/** Relative difference up to which energies are equal, where nothing else is asked for: the order of a sum of doubles. */
export const ENERGY_TOLERANCE = 1e-9;

/** Objects and lists around the numbers of an op. */
const LEVELS = 5;

const strict = { additionalProperties: false };
const byOp = (what: string, value: ReturnType<typeof Type.Integer> | ReturnType<typeof Type.Number>) =>
  Type.Record(Type.Array(Type.Union([value, Type.Null()])), {
    description: `${what} of each op, by \`trace/index layer pass\`, in the order of \`counters\`; null = not counted.`,
  });

const NUMBERS = {
  counts: byOp("Counts", Type.Integer()),
  "energy.picojoules": byOp("Energies", Type.Number()),
};

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
          counts: NUMBERS.counts,
          energy: Type.Optional(
            Type.Object(
              {
                table: EnergyTableSchema,
                tolerance: Type.Number({
                  minimum: 0,
                  description: "Relative difference up to which energies are equal.",
                }),
                counters: Type.Array(Type.String(), { description: "Names of the energies of an op." }),
                picojoules: NUMBERS["energy.picojoules"],
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
precompiled(CheckSchema, ...Object.values(NUMBERS));

/** A checked check file. */
export type CheckFile = Static<typeof CheckSchema>;

/** What machines of a check file are compared with; of the two baselines one, or in files of old neither. */
export type CheckedBaseline = Pick<CheckFile, "baseline" | "commonBaseline" | "allowUnequal">;

/** With what the energies of a machine are recorded. */
export interface CheckedEnergy {
  readonly table: EnergyTable;
  readonly tolerance: number;
}

/** A check file whose numbers are counted as they are written. */
export interface RecordedCheck extends Omit<CheckFile, "machines"> {
  readonly machines: readonly object[];
}

/**
 * The check file for a result.
 * @param paths of the result's traces, relative to where the file will lie.
 * @param energies of each machine, in the order of the result; those of a machine without one are not kept.
 * @param compared what the result's machines were compared with.
 * @throws Error for the result of a sample.
 */
export function recordedCheck(
  result: StreamedResult,
  paths: readonly string[],
  energies: readonly (CheckedEnergy | undefined)[] = [],
  { baseline, commonBaseline, allowUnequal }: CheckedBaseline = {},
): RecordedCheck {
  if (result.sample !== undefined) {
    throw new InputError([`check: a sample has no exact counts, got a result with sample ${result.sample.share}`]);
  }
  const countsOf = integersWith(baseline ?? commonBaseline);
  return {
    schema: CHECK_VERSION,
    traces: result.traces.map(({ sha256 }, index) => ({ path: paths[index], sha256 })),
    ...(commonBaseline === undefined ? {} : { commonBaseline }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(allowUnequal ? { allowUnequal } : {}),
    machines: result.machines.map(({ config, modelVersion, rows }, index) => {
      const energy = energies[index];
      const [counters, kinds] = countersOf(rows, energy === undefined ? [countsOf] : [countsOf, energiesOf]);
      const recorded = { config, modelVersion, counters, counts: listed(rows, counters, countsOf) };
      if (energy === undefined) return recorded;
      const picojoules = listed(rows, kinds, energiesOf);
      const { table, tolerance } = energy;
      return { ...recorded, energy: { table: table.config, tolerance, counters: kinds, picojoules } };
    }),
  };
}

/** Names of all that is counted, of each kind. */
function countersOf(rows: Iterable<ResultRow>, kinds: readonly NumbersOf[]): string[][] {
  const counters = kinds.map(() => new Set<string>());
  for (const row of rows) {
    for (const [kind, numbersOf] of kinds.entries()) for (const name in numbersOf(row)) counters[kind].add(name);
  }
  return counters.map((names) => [...names]);
}

/** Numbers of a result as a check file lists them. */
function listed(rows: Iterable<ResultRow>, counters: readonly string[], numbersOf: NumbersOf): JsonFields {
  function* fields(): Generator<readonly [string, (number | null)[]]> {
    let index = 0;
    for (const row of rows) {
      const numbers = numbersOf(row);
      yield [opName(row, index++), counters.map((name) => numbers[name] ?? null)];
    }
  }
  return new JsonFields({ [Symbol.iterator]: fields });
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
  const faults = check.machines.flatMap((machine) =>
    NUMBER_KINDS.flatMap((kind) => lengthFaults(where, machine, kind, Object.entries(numbersIn(machine, kind).byOp))),
  );
  if (faults.length > 0) throw new InputError(faults);
  return check;
}

/** The numbers that a file holds of a machine: integers, and energies where they were asked for. */
export const NUMBER_KINDS = ["counts", "energy.picojoules"] as const;
export type NumberKind = (typeof NUMBER_KINDS)[number];
export type CheckedMachine = CheckFile["machines"][number];

/** Numbers of one kind, and what they are called. */
export function numbersIn({ counters, counts, energy }: CheckedMachine, kind: NumberKind) {
  if (kind === "counts") return { counters, byOp: counts };
  return { counters: energy?.counters ?? [], byOp: energy?.picojoules ?? {} };
}

/** Faults of lists that are not as long as their counters. */
function lengthFaults(
  where: string,
  machine: CheckedMachine,
  kind: NumberKind,
  lists: readonly (readonly [op: string, values: readonly unknown[]])[],
): string[] {
  const { counters } = numbersIn(machine, kind);
  const at = `${where}: ${machine.config.name}: ${kind}`;
  return lists
    .filter(([, values]) => values.length !== counters.length)
    .map(([op, { length }]) => `${at}: ${op}: must have one item a counter, got ${length} of ${counters.length}`);
}

/** The numbers of one op of a file that is read op by op. @throws InputError */
export function readNumbers(value: unknown, where: string, machine: CheckedMachine, kind: NumberKind) {
  const entries = Object.entries(checkSchema(NUMBERS[kind], value, `${where}: ${machine.config.name}: ${kind}`));
  const faults = lengthFaults(where, machine, kind, entries);
  if (faults.length > 0) throw new InputError(faults);
  return entries;
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

/** The text of a check file, in parts: one line for each op, so that a difference in version control reads as one. */
export function* formatCheck(check: CheckFile | RecordedCheck): Generator<string> {
  yield* jsonParts(check, { spaces: 2, innermostInLine: true, levels: LEVELS });
  yield "\n";
}
