/** Literal cycles of the arrays of lanes: dense, with static schedules (Bit-Tactical), and with queues of nonzeros. */
import type { ArrayParams } from "../../../src/sim/arrays/lanes/array-params.ts";
import { type LiteralProduct, onesIn, partsOf, range, type Vector } from "./literal-products.ts";

/** [time, lane] distances at which a zero slot looks for a value, in order of priority. */
export type Offsets = [ahead: number, aside: number][];

interface Search {
  readonly lookahead: number;
  readonly lookaside: number;
  readonly shape: "T" | "L";
}

/** The search map of DNNsim: straight ahead, then aside in pairs over the lines ahead (T) or to one side of the next (L); sorted. */
export function offsetsOf({ lookahead, lookaside, shape }: Search): Offsets {
  const ahead = range(lookahead).map((h): [number, number] => [h + 1, 0]);
  const aside = range(lookahead === 0 ? 0 : lookaside).map((i): [number, number] => {
    const pair = Math.floor(i / 2);
    if (shape === "L") return [1, -(i + 1)];
    return [(pair % lookahead) + 1, i % 2 === 0 ? pair + 1 : -(pair + 1)];
  });
  return [...ahead, ...aside].sort(([h1, d1], [h2, d2]) => h1 - h2 || d1 - d2);
}

/** Column sets of a product; a set does not cross runs. */
function columnSets({ columns, run }: LiteralProduct, size: number): Vector[][] {
  return partsOf(columns, run).flatMap((part) => partsOf(part, size));
}

/** Sets dispatched to tiles: the slowest of a group decides. `filters`: no group runs on into the next outer set. */
function dispatched(costs: readonly (readonly number[])[], { tiles, dealing }: ArrayParams): number {
  const groups = dealing === "filters" ? costs.flatMap((inner) => partsOf(inner, tiles)) : partsOf(costs.flat(), tiles);
  return groups.reduce((sum, group) => sum + Math.max(...group), 0);
}

const linesOf = ({ taps, channels }: LiteralProduct, lanes: number) => taps * Math.ceil(channels / lanes);

/** Every pair of sets takes all lines. `turned`: rows hold columns of the product, and columns its rows. */
export function denseCycles(products: readonly LiteralProduct[], own: ArrayParams, turned = false): number {
  return products.reduce((sum, product) => {
    const outer = columnSets(product, turned ? own.rows : own.columns);
    const inner = partsOf(product.rows, turned ? own.columns : own.rows);
    return (
      sum +
      dispatched(
        outer.map(() => inner.map(() => linesOf(product, own.lanes))),
        own,
      )
    );
  }, 0);
}

/** A set takes as long as the fullest queue of its rows, `lanes` nonzeros at a time. */
export function queueCycles(products: readonly LiteralProduct[], own: ArrayParams, queuedColumns: boolean): number {
  const cost = (vectors: readonly Vector[]) =>
    Math.max(...vectors.map((vector) => Math.ceil(onesIn(vector) / own.lanes)));
  return products.reduce((sum, product) => {
    const outer = columnSets(product, queuedColumns ? own.rows : own.columns);
    const inner = partsOf(product.rows, queuedColumns ? own.columns : own.rows);
    const costs = queuedColumns
      ? outer.map((set) => inner.map(() => cost(set)))
      : outer.map(() => inner.map((set) => cost(set)));
    return sum + dispatched(costs, own);
  }, 0);
}

/** Every set of filters is scheduled once, and takes the lines that are left. */
export function staticCycles(products: readonly LiteralProduct[], own: ArrayParams & Search): number {
  const offsets = offsetsOf(own);
  return products.reduce((sum, product) => {
    const costs = partsOf(product.rows, own.rows).map((set) => scheduledLines(set, own, offsets));
    return (
      sum +
      dispatched(
        columnSets(product, own.columns).map(() => costs),
        own,
      )
    );
  }, 0);
}

function scheduledLines(set: readonly Vector[], { lanes, lookahead }: ArrayParams & Search, offsets: Offsets): number {
  const rows = set.map((vector) =>
    vector.flatMap((tap) => partsOf(tap, lanes).map((line) => range(lanes).map((lane) => line[lane] ?? false))),
  );
  let [lines, skip] = [0, 0];
  for (const t of range(rows[0].length)) {
    if (skip < lookahead && rows.every((row) => !row[t].includes(true))) {
      skip++;
      continue;
    }
    skip = 0;
    lines++;
    for (const row of rows) fillLine(row, t, lanes, offsets);
  }
  return lines;
}

/** Again and again the zero lane with most candidates, the lowest of them, takes its first candidate. */
function fillLine(row: boolean[][], t: number, lanes: number, offsets: Offsets): void {
  for (;;) {
    let best: { lane: number; from: readonly [number, number]; count: number } | undefined;
    for (const lane of range(lanes).filter((each) => !row[t][each])) {
      const candidates = offsets
        .map(([ahead, aside]) => [t + ahead, (((lane + aside) % lanes) + lanes) % lanes] as const)
        .filter(([time, from]) => row[time]?.[from] === true);
      if (candidates.length > (best?.count ?? 0)) best = { lane, from: candidates[0], count: candidates.length };
    }
    if (best === undefined) return;
    row[best.from[0]][best.from[1]] = false;
    row[t][best.lane] = true;
  }
}

/** Sets of filters whose every block of `m` lanes holds at most `n` ones take n / m of their lines; weightGrad has none. */
export function structuredCycles(
  products: readonly LiteralProduct[],
  own: ArrayParams & { readonly n: number; readonly m: number },
  isDense: boolean,
): number {
  const { lanes, n, m } = own;
  const fits = (set: readonly Vector[]) =>
    set.every((vector) =>
      vector.every((tap) =>
        partsOf(tap, lanes).every((line) => partsOf(line, m).every((block) => block.filter(Boolean).length <= n)),
      ),
    );
  return products.reduce((sum, product) => {
    const lines = linesOf(product, lanes);
    const costs = partsOf(product.rows, own.rows).map((set) =>
      !isDense && fits(set) ? Math.ceil((lines * n) / m) : lines,
    );
    return (
      sum +
      dispatched(
        columnSets(product, own.columns).map(() => costs),
        own,
      )
    );
  }, 0);
}
