/** TileDispatch sets to tiles, held against a plain twin that lists the pairs, walks their lines and groups them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSetCosts, recordCost } from "../../../../src/sim/arrays/lanes/schedule/set-costs.ts";
import { dispatchPairs, emptyTotals, setAxis, stepGroups } from "../../../../src/sim/arrays/lanes/tile-dispatch.ts";

const LINES = 7;

interface Pair {
  readonly tile: number;
  readonly group: number;
  readonly set: number;
  readonly live: readonly [number, number];
}

/** Live items of each set of `items` items, the whole sequence `repeat` times. */
function liveOf(items: number, size: number, repeat: number): number[] {
  const once: number[] = [];
  for (let left = items; left > 0; left -= size) once.push(Math.min(size, left));
  return Array.from({ length: repeat }, () => once).flat();
}

/** A bound and nonzeros for a set of lines: any that differ from set to set. */
function boundsOf(lines: readonly number[]) {
  const nonzeros = lines.reduce((sum, line) => sum + line, 0);
  return { ideal: Math.ceil(nonzeros / 2), nonzeros };
}

const deals = fc
  .record({
    outerItems: fc.integer({ min: 0, max: 40 }),
    innerItems: fc.integer({ min: 0, max: 20 }),
    outerSize: fc.integer({ min: 1, max: 4 }),
    innerSize: fc.integer({ min: 1, max: 4 }),
    repeat: fc.integer({ min: 1, max: 3 }),
    tiles: fc.integer({ min: 1, max: 5 }),
    dealing: fc.constantFrom("filters" as const, "sets" as const),
    scheduled: fc.constantFrom("outer" as const, "inner" as const),
    carrySkip: fc.boolean(),
    lookahead: fc.integer({ min: 0, max: 3 }),
  })
  .chain((deal) => {
    const outerSets = Math.ceil(deal.outerItems / deal.outerSize) * deal.repeat;
    const sets = deal.scheduled === "outer" ? outerSets : Math.ceil(deal.innerItems / deal.innerSize);
    const line = fc.constantFrom(0, 0, 1);
    const buffers = fc.array(fc.array(line, { minLength: LINES, maxLength: LINES }), {
      minLength: sets,
      maxLength: sets,
    });
    return buffers.map((lines) => ({ ...deal, lines }));
  });

describe("dealing", () => {
  test("equals the plain walk over pairs, lines and tiles", () => {
    fc.assert(
      fc.property(deals, (deal) => {
        const outerLive = liveOf(deal.outerItems, deal.outerSize, deal.repeat);
        const innerLive = liveOf(deal.innerItems, deal.innerSize, 1);
        const pairs: Pair[] = [];
        outerLive.forEach((a, o) => {
          innerLive.forEach((b, i) => {
            const inOrder = o * innerLive.length + i;
            const groupsBefore = o * Math.ceil(innerLive.length / deal.tiles);
            const byFilters = deal.dealing === "filters";
            pairs.push({
              tile: (byFilters ? i : inOrder) % deal.tiles,
              group: byFilters ? groupsBefore + Math.floor(i / deal.tiles) : Math.floor(inOrder / deal.tiles),
              set: deal.scheduled === "outer" ? o : i,
              live: [a, b],
            });
          });
        });
        const skips = new Array<number>(deal.tiles).fill(0);
        const slowest: number[] = [];
        const slowestPacked: number[] = [];
        const sums = { busy: 0, packed: 0, outerLines: 0, innerLines: 0, occupied: 0 };
        for (const { tile, group, set, live } of pairs) {
          let cycles = 0;
          if (!deal.carrySkip) skips[tile] = 0;
          for (const line of deal.lines[set]) {
            if (line === 0 && skips[tile] < deal.lookahead) {
              skips[tile]++;
            } else {
              skips[tile] = 0;
              cycles++;
            }
          }
          slowest[group] = Math.max(slowest[group] ?? 0, cycles);
          const { ideal, nonzeros } = boundsOf(deal.lines[set]);
          slowestPacked[group] = Math.max(slowestPacked[group] ?? 0, ideal);
          sums.busy += cycles * live[0] * live[1];
          sums.packed += Math.min(cycles, ideal) * live[0] * live[1];
          sums.outerLines += cycles * live[0];
          sums.innerLines += cycles * live[1];
          sums.occupied += nonzeros * live[deal.scheduled === "outer" ? 1 : 0];
        }

        const costs = createSetCosts(deal.lines.length, LINES, deal.lookahead);
        deal.lines.forEach((lines, set) => {
          recordCost(costs, set, Int32Array.from(lines), 1);
          const { ideal, nonzeros } = boundsOf(lines);
          costs.ideal[set] = ideal;
          costs.nonzeros[set] = nonzeros;
        });
        const outer = setAxis(deal.outerItems, deal.outerSize, deal.repeat);
        const inner = setAxis(deal.innerItems, deal.innerSize);
        const totals = emptyTotals();
        dispatchPairs({ ...deal, outer, inner, costs }, totals);
        expect(totals.cycles).toBe(slowest.reduce((sum, cycles) => sum + cycles, 0));
        expect(totals.baseCycles).toBe(slowest.length * LINES);
        expect(stepGroups(outer, inner, deal.tiles, deal.dealing)).toBe(slowest.length);
        expect(totals.packedCycles).toBe(slowestPacked.reduce((sum, cycles) => sum + cycles, 0));
        expect(totals.scheduledPEs).toBe(sums.busy);
        expect(totals.packedPEs).toBe(sums.packed);
        expect(totals.outerLines).toBe(sums.outerLines);
        expect(totals.innerLines).toBe(sums.innerLines);
        expect(totals.occupied).toBe(sums.occupied);
        expect(totals.outputs).toBe(deal.outerItems * deal.repeat * deal.innerItems);
      }),
      { numRuns: 500 },
    );
  });
});
