/**
 * What every oracle adapter shares. An oracle is an independent program whose printed numbers lie in a folder with an
 * `index.json` (`oracle` names it). An adapter translates one case into our own inputs and settings, runs our code, and
 * reports to a tally what it compared and what it skipped, with the reason.
 */
import { faultsOf } from "../../src/io/faults.ts";

/** Collects comparisons and skips of one oracle. */
export interface Tally {
  /** Counts one comparison of `quantity`; a difference is remembered with `where` (case, run, layer). */
  compare(quantity: string, where: string, expected: number, actual: number): void;
  /** As `compare`, for a judgement that is not the equality of two numbers; `share` of its tolerance was used. */
  judge(quantity: string, where: string, equal: boolean, detail: string, share?: number): void;
  /** Counts one quantity that is not compared, with the reason; the same reason is printed once with its count. */
  skip(quantity: string, where: string, reason: string): void;
  /** Runs part of a case; an error counts as a difference of `where`, and the rest of the case continues. */
  attempt(where: string, work: () => void | Promise<void>): Promise<void>;
}

/** An adapter: `id` equals the `oracle` field of the index files that it understands. */
export interface Oracle {
  readonly id: string;
  /** Replays one case of `index` (the parsed index.json of folder `dir`). `runCases` counts an error as a difference. */
  replay(dir: string, entry: CaseEntry, index: OracleIndex, tally: Tally): Promise<void>;
}

/** One entry of `cases`, with at least a name and usually a file. */
export type CaseEntry = Readonly<Record<string, unknown>>;

/** The part of an index.json that every oracle has. */
export interface OracleIndex {
  readonly oracle: string;
  /** What made the numbers, under the name that the folder gives it. */
  readonly source?: string;
  readonly generator?: string;
  readonly tool?: string;
  readonly cases: readonly CaseEntry[];
}

/** A tally's content, per quantity in order of first appearance. */
export interface TallyRow {
  readonly quantity: string;
  equal: number;
  compared: number;
  /** The largest: relative, or (`isShare`) a share of the tolerance. */
  readonly error: { largest: number; isShare: boolean };
}

/** A tally that keeps counts, differences, failures, and the skips by reason. */
export class CountingTally implements Tally {
  readonly rows = new Map<string, TallyRow>();
  /** Values that differ, and parts of cases that failed. */
  readonly differences: string[] = [];
  /** reason → places. */
  readonly skips = new Map<string, string[]>();
  /** Number of attempts that failed. */
  failures = 0;
  /** Cases of which no part failed, of all that were listed. */
  readonly cases = { replayed: 0, listed: 0 };

  compare(quantity: string, where: string, expected: number, actual: number): void {
    const { error } = this.#count(quantity, where, expected === actual, `expected ${expected}, got ${actual}`);
    error.largest = largerOf(error.largest, Math.abs(actual - expected) / Math.max(1, Math.abs(expected)));
  }

  judge(quantity: string, where: string, equal: boolean, detail: string, share?: number): void {
    const { error } = this.#count(quantity, where, equal, detail);
    error.largest = largerOf(error.largest, share ?? Number(!equal));
    error.isShare ||= share !== undefined;
  }

  skip(quantity: string, where: string, reason: string): void {
    const key = `${quantity}: ${reason}`;
    const places = this.skips.get(key);
    if (places === undefined) this.skips.set(key, [where]);
    else places.push(where);
  }

  async attempt(where: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failures++;
      this.differences.push(`${where}: cannot be replayed: ${faultsOf(error).join("; ")}`);
    }
  }

  #count(quantity: string, where: string, equal: boolean, detail: string): TallyRow {
    const row = this.rows.get(quantity) ?? { quantity, equal: 0, compared: 0, error: { largest: 0, isShare: false } };
    this.rows.set(quantity, row);
    row.compared++;
    if (equal) row.equal++;
    else this.differences.push(`${where}: ${quantity}: ${detail}`);
    return row;
  }
}

/** Replays every case of an index; a case that cannot be replayed is counted as a difference, and the next one follows. */
export async function runCases(oracle: Oracle, dir: string, index: OracleIndex, tally: CountingTally): Promise<void> {
  if (!Array.isArray(index.cases)) throw new Error(`${dir}/index.json: "cases" must be a list`);
  for (const [at, entry] of index.cases.entries()) {
    const failuresBefore = tally.failures;
    await tally.attempt(nameOf(entry, at), () => oracle.replay(dir, entry, index, tally));
    tally.cases.listed++;
    if (tally.failures === failuresBefore) tally.cases.replayed++;
  }
}

/** What a case is called in messages. */
function nameOf(entry: CaseEntry | null, at: number): string {
  return String(entry?.name ?? entry?.id ?? entry?.file ?? `case ${at + 1}`);
}

/** The larger of two errors, where one that is not a number is larger than any. */
function largerOf(largest: number, error: number): number {
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
}
