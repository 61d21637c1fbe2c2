/**
 * Rows of results that are too many to hold: those that take most cycles stay, the others become one row for each trace, kind, pass and
 * validation, so that all sums stay what they were.
 */
import { Heap } from "../../core/heap.ts";
import type { ResultRow } from "./result.ts";

interface Numbered {
  readonly row: ResultRow;
  readonly order: number;
}

interface Rest {
  readonly row: ResultRow;
  of: number;
}

/** Takes rows one by one and holds at most so many, besides the sums of all others. */
export class ThinRows {
  readonly #most: number;
  readonly #kept = new Heap<Numbered>(isLess);
  readonly #rest = new Map<string, Rest>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(row: ResultRow): void {
    this.#kept.add({ row, order: this.#taken++ });
    const { first } = this.#kept;
    if (this.#taken <= this.#most || first === undefined) return;
    this.#kept.removeFirst();
    const { trace, kind, pass, validation } = first.row;
    const key = JSON.stringify([trace, kind, pass, validation]);
    const rest = this.#rest.get(key);
    if (rest === undefined) this.#rest.set(key, { row: startOf(first.row), of: 1 });
    else {
      addTo(rest.row, first.row);
      rest.of++;
    }
  }

  /** How many rows became sums. */
  get summed(): number {
    return Math.max(0, this.#taken - this.#most);
  }

  /** What is kept, in its order, and the sums. It has no rows afterwards. */
  take(): ResultRow[] {
    const kept: Numbered[] = [];
    for (let { first } = this.#kept; first !== undefined; first = this.#kept.first) {
      kept.push(first);
      this.#kept.removeFirst();
    }
    const rest = [...this.#rest.values()].map(({ row, of }) => ({ ...row, layer: `${of} other ops` }));
    return [...kept.sort((a, b) => a.order - b.order).map(({ row }) => row), ...rest];
  }
}

/** Which leaves first: the row of fewest cycles, of several the last. */
function isLess(a: Numbered, b: Numbered): boolean {
  const [first, second] = [a.row.cycles.total, b.row.cycles.total];
  return first < second || (first === second && a.order > b.order);
}

/** A row of its own, to be added to. */
function startOf({ meanTraffic, ...row }: ResultRow): ResultRow {
  return structuredClone({ ...row, dram: null, tiles: [] });
}

/** Adds what adds up to a sum; densities are means by dense MACs. */
function addTo(sum: ResultRow, row: ResultRow): void {
  const { trace, step, layer, kind, pass, densities, scheduled, validation, sample, dram, tiles, ...amounts } = row;
  Object.assign(sum, {
    densities: meanOf(sum, row),
    scheduled: sum.scheduled === scheduled ? scheduled : null,
    ...sampleOf(sum, row),
  });
  const sums = sum as unknown as Numbers;
  const added = amounts as unknown as Numbers;
  for (const key in added) if (key in sums) addNumbers(sums, added, key);
}

interface Numbers {
  [key: string]: number | Numbers;
}

/** Adds a number of `row`, or all numbers within, to that of `sum`; what only one has is as it is. */
function addNumbers(sum: Numbers, row: Numbers, key: string): void {
  const [a, b] = [sum[key], row[key]];
  if (typeof a === "number" && typeof b === "number") sum[key] = a + b;
  else if (a === undefined) sum[key] = structuredClone(b);
  else if (typeof a === "object" && typeof b === "object") for (const inner in b) addNumbers(a, b, inner);
}

function meanOf(a: ResultRow, b: ResultRow): Record<string, number> {
  const macs = a.macs.dense + b.macs.dense;
  const share = macs === 0 ? 0 : b.macs.dense / macs;
  const means = Object.entries(a.densities).map(([operand, density]) => {
    const other = b.densities[operand] ?? density;
    return [operand, density + (other - density) * share] as const;
  });
  return { ...b.densities, ...Object.fromEntries(means) };
}

/** Ops are sampled independently: squares of half-widths add up, their bounds as they are. */
function sampleOf({ sample: a }: ResultRow, { sample: b }: ResultRow): Pick<ResultRow, "sample"> {
  if (a === undefined) return b === undefined ? {} : { sample: b };
  if (b === undefined) return { sample: a };
  const bounds = { ...b.bounds };
  for (const [path, bound] of Object.entries(a.bounds)) bounds[path] = (bounds[path] ?? 0) + bound;
  const chance = ({ ci95, bounds }: typeof a, path: string) => (ci95[path] ?? 0) - (bounds[path] ?? 0);
  const paths = [...new Set([...Object.keys(a.ci95), ...Object.keys(b.ci95)])];
  const widths = paths.map((path) => [path, Math.hypot(chance(a, path), chance(b, path)) + (bounds[path] ?? 0)]);
  return {
    sample: { axis: a.axis, drawn: a.drawn + b.drawn, of: a.of + b.of, ci95: Object.fromEntries(widths), bounds },
  };
}
