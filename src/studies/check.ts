/**
 * Regression of cycle counts: a check file holds machines, traces and every integer that simulating them gave; running it
 * simulates again and compares exactly. A difference under a raised model version is a changed model, not a regression.
 */
import { type Static, Type } from "typebox";
import { HardwareConfigSchema } from "../sim/machine.ts";
import type { MachineResult, ResultRow, SimulationResult } from "../sim/result.ts";

/** Version of the check file's schema. */
export const CHECK_VERSION = "1.0";

const strict = { additionalProperties: false };

/** A check file. */
export const CheckSchema = Type.Object(
  {
    schema: Type.Literal(CHECK_VERSION),
    traces: Type.Array(
      Type.Object({ path: Type.String({ description: "Relative to the check file." }), sha256: Type.String() }, strict),
      { minItems: 1 },
    ),
    machines: Type.Array(
      Type.Object(
        {
          config: HardwareConfigSchema,
          modelVersion: Type.Integer(),
          counters: Type.Array(Type.String(), { description: "Names of the counts of an op." }),
          counts: Type.Record(Type.String(), Type.Array(Type.Union([Type.Integer(), Type.Null()])), {
            description:
              "Counts of each op, by `trace/index layer pass`, in the order of `counters`; null = not counted.",
          }),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
);

/** A checked check file. */
export type CheckFile = Static<typeof CheckSchema>;

/** One integer that is not what it was. `undefined` = not there. */
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
  readonly compared: number;
  readonly differences: readonly CheckDifference[];
}

/** The check file for a result; `paths` are those of the result's traces, relative to where the file will lie. */
export function checkFileOf(result: SimulationResult, paths: readonly string[]): CheckFile {
  return {
    schema: CHECK_VERSION,
    traces: result.traces.map(({ sha256 }, index) => ({ path: paths[index], sha256 })),
    machines: result.machines.map((machine) => {
      const counts = countsOf(machine);
      const counters = [...new Set(Object.values(counts).flatMap((op) => Object.keys(op)))];
      return {
        config: machine.config,
        modelVersion: machine.modelVersion,
        counters,
        counts: Object.fromEntries(
          Object.entries(counts).map(([op, values]) => [op, counters.map((name) => values[name] ?? null)]),
        ),
      };
    }),
  };
}

/** The text of a check file: one line for each op, so that a difference in version control reads as one. */
export function formatCheck(check: CheckFile): string {
  const innermost = /[{[]\n[^{}[\]]*[}\]]/g;
  return `${JSON.stringify(check, null, 2).replace(innermost, (node) => node.replace(/\n\s*/g, " "))}\n`;
}

/** Compares a new result with a check file, machine by machine in the file's order. */
export function compareWithCheck(check: CheckFile, result: SimulationResult): CheckVerdict[] {
  return check.machines.map((recorded, index) => {
    const { config, modelVersion } = recorded;
    const expected = recordedCounts(recorded);
    const machine = result.machines[index];
    const actual = countsOf(machine);
    const differences: CheckDifference[] = [];
    let compared = 0;
    for (const op of union(expected, actual)) {
      for (const counter of union(expected[op] ?? {}, actual[op] ?? {})) {
        compared++;
        const [before, now] = [expected[op]?.[counter], actual[op]?.[counter]];
        if (before !== now) differences.push({ machine: config.name, op, counter, expected: before, actual: now });
      }
    }
    return {
      machine: config.name,
      recordedVersion: modelVersion,
      modelVersion: machine.modelVersion,
      compared,
      differences,
    };
  });
}

function recordedCounts({ counters, counts }: CheckFile["machines"][number]): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counts).map(([op, values]) => [
      op,
      Object.fromEntries(values.flatMap((value, i) => (value === null ? [] : [[counters[i], value]]))),
    ]),
  );
}

function countsOf({ rows }: MachineResult): Record<string, Record<string, number>> {
  return Object.fromEntries(
    rows.map((row, index) => [`${row.trace}/${index} ${row.layer} ${row.pass}${costOf(row)}`, integersOf(row)]),
  );
}

/** What the method costs beside the ops of its layer. */
function costOf({ kind }: ResultRow): string {
  return kind === "select" || kind === "transpose" ? ` ${kind}` : "";
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
  const flat: Record<string, number> = { baselineCycles, baselineComputeCycles, noZerosComputeCycles, idealCycles };
  for (const [group, values] of Object.entries(groups)) {
    for (const [name, value] of Object.entries(values)) flat[`${group}.${name}`] = value;
  }
  return flat;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
