/** A study of whole runs as tables: a line for each method, machine and account, as CSV, as Markdown and for the terminal; its curves as CSV. */
import { csvText } from "../../io/csv-text.ts";
import { markdownCell } from "../markdown.ts";
import { share, times } from "../numbers.ts";
import { plainTable } from "../tables/table.ts";
import {
  ACCOUNT_NAMES,
  ACCOUNTS,
  type Account,
  type Estimate,
  type StudyMethod,
  type StudyMethodMachine,
  type StudyResult,
} from "./result.ts";

const DENSE = "dense";
const PERCENT = 100;
const PICO = 1e-12;
const BYTES_PER_MB = 1e6;

/** One method on one machine in one account. */
export interface StudyRow {
  readonly method: StudyMethod;
  readonly on: StudyMethodMachine;
  readonly account: Account;
}

/** All rows, machine by machine. */
export function studyRows({ machines, methods }: Pick<StudyResult, "machines" | "methods">): StudyRow[] {
  return machines.flatMap(({ name }) =>
    methods.flatMap((method) => {
      const on = method.machines.find(({ machine }) => machine === name);
      return on === undefined ? [] : ACCOUNTS.map((account) => ({ method, on, account }));
    }),
  );
}

/** A margin below the accuracy of dense training, in points. */
export function points(margin: number): string {
  return `${Number((PERCENT * margin).toFixed(6))}`;
}

/** A ratio with its interval for people; – for none. */
export function estimated(estimate: Estimate | null | undefined): string {
  if (estimate == null) return "–";
  const { value, ci95 } = estimate;
  if (ci95 === null) return `${times(value)} ±?`;
  return ci95 === 0 ? times(value) : `${times(value)} ±${times(ci95)}`;
}

/** CSV of all rows, a unit in the name of every column that has one. */
export function studyCsv(result: StudyResult): string {
  const joules = (picojoules: number | null | undefined) => (picojoules == null ? null : picojoules * PICO);
  return csvText(
    studyRows(result).map(({ method, on, account }) => {
      const { seconds, picojoules, speedup, speedupOverCommon, energyGain } = on;
      return {
        ...{ machine: on.machine, method: method.method, sparsity: method.sparsity ?? null, account },
        ...{ seeds: method.seeds.length, diverged: method.diverged },
        ...{ time_s: seconds[account].value, time_s_ci95: seconds[account].ci95 },
        ...{ energy_J: joules(picojoules?.[account].value), energy_J_ci95: joules(picojoules?.[account].ci95) },
        ...ratioColumns("speedup", speedup[account]),
        ...ratioColumns("speedup_over_common", speedupOverCommon?.[account]),
        ...ratioColumns("energy_gain", energyGain?.[account]),
        ...Object.fromEntries(
          on.toAccuracy.flatMap((target) => {
            const at = `to_accuracy_minus_${points(target.margin)}_points`;
            return [
              [`${at}_reached_fraction`, target.reached / method.seeds.length],
              [`${at}_time_s`, target.seconds[account]],
              [`${at}_energy_J`, joules(target.picojoules?.[account])],
              [`${at}_speedup`, target.speedup[account]],
              [`${at}_speedup_over_common`, target.speedupOverCommon?.[account] ?? null],
              [`${at}_energy_gain`, target.energyGain?.[account] ?? null],
            ];
          }),
        ),
        final_accuracy_fraction: method.finalAccuracy,
        footprint_MB: method.footprint === null ? null : method.footprint.bytes / BYTES_PER_MB,
      };
    }),
  );
}

function ratioColumns(name: string, estimate: Estimate | null | undefined) {
  return { [name]: estimate?.value ?? null, [`${name}_ci95`]: estimate?.ci95 ?? null };
}

/** CSV of accuracy over simulated time and energy: a line for each run, machine and evaluation. */
export function curvesCsv({ runs }: StudyResult): string {
  return csvText(
    runs.flatMap(({ name, label, seed, machines }) =>
      machines.flatMap(({ machine, curve }) =>
        curve.map(({ step, accuracy, seconds, picojoules }) => ({
          ...{ run: name, method: label, seed, machine, step, accuracy_fraction: accuracy },
          ...Object.fromEntries(ACCOUNTS.map((account) => [`${account}_time_s`, seconds[account]])),
          ...Object.fromEntries(
            ACCOUNTS.map((account) => [
              `${account}_energy_J`,
              picojoules === undefined ? null : picojoules[account] * PICO,
            ]),
          ),
        })),
      ),
    ),
  );
}

/** Heads and cells of the table for people. */
function tableOf(result: StudyResult): {
  readonly head: string[];
  readonly rows: StudyRow[];
  cells(row: StudyRow): string[];
} {
  const rows = studyRows(result);
  const margins = rows[0]?.on.toAccuracy.map(({ margin }) => points(margin)) ?? [];
  return {
    rows,
    head: [
      ...["machine", "method", "account", "run ×", "× over common"],
      ...margins.map((margin) => (margin === "0" ? "to dense ×" : `to −${margin} ×`)),
      ...["accuracy", "held MB"],
    ],
    cells: ({ method, on, account }) => [
      ...[on.machine, method.label, ACCOUNT_NAMES[account]],
      ...[estimated(on.speedup[account]), estimated(on.speedupOverCommon?.[account])],
      ...on.toAccuracy.map(({ speedup, reached }) => reachedText(speedup[account], reached, method.seeds.length)),
      ...[
        share(method.finalAccuracy),
        method.footprint === null ? "–" : (method.footprint.bytes / BYTES_PER_MB).toFixed(2),
      ],
    ],
  };
}

/** A speed-up to an accuracy, with how many of the seeds reach it where not all do. */
export function reachedText(speedup: number | null, reached: number, seeds: number): string {
  return reached === seeds ? times(speedup) : `${times(speedup)} (${reached}/${seeds})`;
}

/** What the columns mean, and which method is first where. */
export function studyNotes(result: StudyResult): string[] {
  const { common, methods, runs, notCharged } = result;
  const missing = runs.filter(({ withoutInterval = [] }) => withoutInterval.length > 0);
  const failed = methods.filter(({ diverged }) => diverged > 0);
  return [
    ...firstMethods(result),
    `run ×: time of dense training / time, at equal steps, on the same machine; × over common: over dense training on ${common}. ±: 95 % confidence, of sampling steps.`,
    "to dense ×, to −0.5 ×, …: the same until the first evaluation at the mean final accuracy of dense training, or that many points below; median of the seeds that reach it, – where none does; (n/m), or the column reached: how many do.",
    "array only: multiplications without memory; with memory: multiplications with memory; whole step: everything. held: the most that a recorded step holds.",
    ...(methods.some(({ method }) => method === DENSE)
      ? []
      : ["There are no speed-ups, because the study has no run of dense training."]),
    ...(missing.length === 0
      ? []
      : [
          `±?: no interval, because a stratum has one sample: ${missing.map(({ name, withoutInterval = [] }) => `${name} (${withoutInterval.join("; ")})`).join(", ")}.`,
        ]),
    ...(failed.length === 0
      ? []
      : [
          `Diverged: ${failed.map(({ label, diverged, seeds }) => `${label}, ${diverged} of ${seeds.length} seeds`).join("; ")}.`,
        ]),
    ...(notCharged.length === 0 ? [] : [`Not charged, or missing in traces: ${notCharged.join(", ")}.`]),
  ];
}

/** On each machine the method whose steps are fastest, and that which reaches the accuracy of dense training first. */
function firstMethods({ machines, methods }: StudyResult): string[] {
  return machines.flatMap(({ name }) => {
    const own = methods.flatMap(({ label, machines }) => {
      const on = machines.find(({ machine }) => machine === name);
      return on === undefined
        ? []
        : { label, run: on.speedup.step?.value ?? null, arrival: on.toAccuracy[0]?.speedup.step ?? null };
    });
    const fastest = largest(own, ({ run }) => run);
    const first = largest(own, ({ arrival }) => arrival);
    if (fastest === undefined || first === undefined) return [];
    return `${name}, whole step: ${fastest.label} has the fastest steps (${times(fastest.run)} ×)${arrivalText(fastest, first)}.`;
  });
}

interface Ranked {
  readonly label: string;
  readonly arrival: number | null;
}

/** How a sentence about the method with the fastest steps ends. */
function arrivalText(fastest: Ranked, first: Ranked): string {
  const speedup = `(${times(first.arrival)} ×)`;
  if (fastest.label === first.label) return ` and is the first to reach the accuracy of dense training ${speedup}`;
  if (first.label === DENSE) return ", but no method reaches the accuracy of dense training sooner than dense training";
  return `, but ${first.label} is the first to reach the accuracy of dense training ${speedup}`;
}

function largest<T>(items: readonly T[], of: (item: T) => number | null): T | undefined {
  const known = items.filter((item) => of(item) !== null);
  return known.reduce<T | undefined>(
    (most, item) => (most === undefined || (of(item) as number) > (of(most) as number) ? item : most),
    undefined,
  );
}

/** A Markdown table, the largest speed-up of each machine and account in bold, with notes. */
export function studyMarkdown(result: StudyResult): string {
  const { head, rows, cells } = tableOf(result);
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  const body = rows.map((row) => {
    const best = bestColumns(row, rows);
    return line(cells(row).map((text, i) => (best.has(i) ? `**${markdownCell(text)}**` : markdownCell(text))));
  });
  const notes = studyNotes(result).map((note) => `* ${markdownCell(note)}`);
  return `${[line(head.map(markdownCell)), line(head.map((_, i) => (i < 3 ? "---" : "---:"))), ...body, "", ...notes].join("\n")}\n`;
}

/** Columns in which a row has the largest speed-up of its machine and account. */
function bestColumns(row: StudyRow, rows: readonly StudyRow[]): Set<number> {
  const rivals = rows.filter(({ on, account }) => on.machine === row.on.machine && account === row.account);
  const columns = [
    [3, ({ on, account }: StudyRow) => on.speedup[account]?.value ?? null] as const,
    ...row.on.toAccuracy.map(
      (_, i) => [5 + i, ({ on, account }: StudyRow) => on.toAccuracy[i]?.speedup[account] ?? null] as const,
    ),
  ];
  return new Set(columns.flatMap(([column, of]) => (rivals.length > 1 && largest(rivals, of) === row ? column : [])));
}

/** The table for a terminal. */
export function studyTable(result: StudyResult): string {
  const { head, rows, cells } = tableOf(result);
  const table = plainTable(head, 3);
  for (const row of rows) table.push(cells(row));
  return [table.toString(), "", ...studyNotes(result)].join("\n");
}
