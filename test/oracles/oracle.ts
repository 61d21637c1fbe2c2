/**
 * What every oracle adapter shares. An oracle is an independent program whose printed numbers lie in a folder with an
 * `index.json` (`oracle` names it). An adapter translates each case into our own inputs and settings, runs our code and
 * tells a tally what it compared and what it left out, and why.
 */

/** Collects comparisons and skips of one oracle. */
export interface Tally {
  /** Counts one comparison of `quantity`; a difference is remembered with `where` (case, run, layer). */
  compare(quantity: string, where: string, expected: number, actual: number): void;
  /** As `compare`, for a judgement that is not the equality of two numbers; `share` of its tolerance was used. */
  judge(quantity: string, where: string, equal: boolean, detail: string, share?: number): void;
  /** Counts one quantity that is not compared, with the reason; the same reason is printed once with its count. */
  skip(quantity: string, where: string, reason: string): void;
}

/** An adapter: `id` equals the `oracle` field of the index files that it understands. */
export interface Oracle {
  readonly id: string;
  /** Runs every case of `index` (the parsed index.json of folder `dir`). Throws only when the folder itself is unreadable. */
  run(dir: string, index: OracleIndex, tally: Tally): Promise<void>;
}

/** The part of an index.json that every oracle has. */
export interface OracleIndex {
  readonly oracle: string;
  /** What made the numbers, under the name that the folder gives it. */
  readonly source?: string;
  readonly generator?: string;
  readonly tool?: string;
  readonly cases: readonly Readonly<Record<string, unknown>>[];
}

/** A tally's content, per quantity in order of first appearance. */
export interface TallyRow {
  readonly quantity: string;
  equal: number;
  compared: number;
  /** The largest: relative, or (`isShare`) a share of the tolerance. */
  readonly error: { largest: number; isShare: boolean };
}

/** A tally that keeps counts, the first differences, and the skips by reason. */
export class CountingTally implements Tally {
  readonly rows = new Map<string, TallyRow>();
  readonly differences: string[] = [];
  /** reason → places. */
  readonly skips = new Map<string, string[]>();

  compare(quantity: string, where: string, expected: number, actual: number): void {
    const { error } = this.#count(quantity, where, expected === actual, `expected ${expected}, got ${actual}`);
    error.largest = Math.max(error.largest, Math.abs(actual - expected) / Math.max(1, Math.abs(expected)));
  }

  judge(quantity: string, where: string, equal: boolean, detail: string, share?: number): void {
    const { error } = this.#count(quantity, where, equal, detail);
    error.largest = Math.max(error.largest, share ?? Number(!equal));
    error.isShare ||= share !== undefined;
  }

  skip(quantity: string, where: string, reason: string): void {
    const key = `${quantity}: ${reason}`;
    const places = this.skips.get(key);
    if (places === undefined) this.skips.set(key, [where]);
    else places.push(where);
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
