/** Compares a new result with a check file, op by op, so that neither has to be in memory. */
import { InputError } from "../io/faults.ts";
import type { StreamedMachine, StreamedResult } from "../sim/result/result.ts";
import { type CheckedMachine, type CheckFile, NUMBER_KINDS, type NumberKind, numbersIn } from "./check.ts";
import { energiesOf, indexIn, integersWith, type NumbersOf, opName } from "./check-numbers.ts";

/** Differences of one machine and kind of numbers that are kept. */
const MOST_DIFFERENCES = 100_000;

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
  /** At most `MOST_DIFFERENCES` of each kind of numbers. */
  readonly differences: readonly CheckDifference[];
  /** How many there are beside these, if any. */
  readonly omitted?: number;
}

/** Compares a new result with a check file that is in memory, machine by machine in the file's order. */
export function compareWithCheck(check: CheckFile, result: StreamedResult): CheckVerdict[] {
  const comparison = new CheckComparison(check, result);
  for (const [m, machine] of check.machines.entries()) {
    for (const kind of NUMBER_KINDS) {
      for (const [op, values] of Object.entries(numbersIn(machine, kind).byOp)) comparison.take(m, kind, op, values);
    }
  }
  return comparison.verdicts();
}

/** Takes the numbers of a check file op by op. */
export class CheckComparison {
  readonly #machines;

  /** @param mostDifferences of one machine and kind of numbers that are kept. */
  constructor(check: CheckFile, result: StreamedResult, mostDifferences = MOST_DIFFERENCES) {
    const countsOf = integersWith(check.baseline ?? check.commonBaseline);
    this.#machines = check.machines.map((recorded, index) => {
      const { rows, modelVersion } = result.machines[index];
      const { config, energy } = recorded;
      const opsOf = (kind: NumberKind, numbersOf: NumbersOf, tolerance: number) =>
        new OpComparison({ rows, numbersOf, tolerance, counters: numbersIn(recorded, kind).counters, mostDifferences });
      const exact = opsOf("counts", countsOf, 0);
      const close = energy && opsOf("energy.picojoules", energiesOf, energy.tolerance);
      return { name: config.name, recordedVersion: recorded.modelVersion, modelVersion, exact, close };
    });
  }

  /** @throws InputError for numbers that are there twice. */
  take(machine: number, kind: NumberKind, op: string, values: readonly (number | null)[]): void {
    const { exact, close } = this.#machines[machine];
    (kind === "counts" ? exact : close)?.take(op, values);
  }

  /** What comparing gave, once everything is taken. */
  verdicts(): CheckVerdict[] {
    return this.#machines.map(({ name: machine, recordedVersion, modelVersion, exact, close }) => {
      const found = [exact, ...(close === undefined ? [] : [close])];
      for (const ops of found) ops.end();
      const omitted = found.reduce((sum, ops) => sum + ops.omitted, 0);
      return {
        ...{ machine, recordedVersion, modelVersion },
        ops: [...new Set(found.flatMap(({ names }) => names))],
        compared: found.reduce((sum, { compared }) => sum + compared, 0),
        differences: found.flatMap(({ differences }) => differences.map((found) => ({ machine, ...found }))),
        ...(omitted === 0 ? {} : { omitted }),
      };
    });
  }
}

interface Compared {
  readonly rows: StreamedMachine["rows"];
  readonly counters: CheckedMachine["counters"];
  readonly numbersOf: NumbersOf;
  readonly tolerance: number;
  readonly mostDifferences: number;
}

/** Numbers of one kind of a machine. */
class OpComparison {
  readonly names: string[] = [];
  readonly differences: Omit<CheckDifference, "machine">[] = [];
  compared = 0;
  omitted = 0;
  readonly #of: Compared;
  readonly #isTaken: Uint8Array;

  constructor(of: Compared) {
    this.#of = of;
    this.#isTaken = new Uint8Array(of.rows.length);
  }

  take(op: string, values: readonly (number | null)[]): void {
    const { rows, counters, numbersOf } = this.#of;
    const index = indexIn(op);
    const row = index === undefined ? undefined : rows.at(index);
    const isThere = index !== undefined && row !== undefined && opName(row, index) === op;
    if (isThere) {
      if (this.#isTaken[index] === 1) throw new InputError([`check: has the key ${JSON.stringify(op)} twice`]);
      this.#isTaken[index] = 1;
    }
    const expected: Record<string, number> = {};
    for (const [i, value] of values.entries()) if (value !== null) expected[counters[i]] = value;
    this.#compare(op, expected, isThere ? numbersOf(row) : {});
  }

  /** Adds the ops that were not taken. */
  end(): void {
    const { rows, numbersOf } = this.#of;
    for (const [index, isTaken] of this.#isTaken.entries()) {
      const row = isTaken === 1 ? undefined : rows.at(index);
      if (row !== undefined) this.#compare(opName(row, index), {}, numbersOf(row));
    }
  }

  #compare(op: string, expected: Readonly<Record<string, number>>, actual: Readonly<Record<string, number>>): void {
    this.names.push(op);
    for (const counter of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      this.compared++;
      const [before, now] = [expected[counter], actual[counter]] as (number | undefined)[];
      if (isEqual(before, now, this.#of.tolerance)) continue;
      if (this.differences.length === this.#of.mostDifferences) this.omitted++;
      else this.differences.push({ op, counter, expected: before, actual: now });
    }
  }
}

function isEqual(a: number | undefined, b: number | undefined, tolerance: number): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
