/**
 * The two lane schedulers: laws on random buffers, equality with plain byte-wise twins written from the specification
 * (plain twins, one byte a lane), and TensorDash's speed-ups on i.i.d. masks (measured with an independent model of DNNsim).
 */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { dynamicScheduler, visitOrder } from "../../../../../src/sim/arrays/lanes/schedule/dynamic-schedule.ts";
import type { Scheduler } from "../../../../../src/sim/arrays/lanes/schedule/line-walk.ts";
import {
  laneMap,
  type Offset,
  type SearchShape,
  searchMap,
} from "../../../../../src/sim/arrays/lanes/schedule/search-map.ts";
import { createSetCosts, recordCost, recordIdeal } from "../../../../../src/sim/arrays/lanes/schedule/set-costs.ts";
import { staticScheduler } from "../../../../../src/sim/arrays/lanes/schedule/static-schedule.ts";
import { IID_CASES, IID_TOLERANCE, iidSpeedup, largestDeviation } from "../../../../oracles/tensordash-iid.ts";

interface Setting {
  readonly lanes: number;
  readonly rows: number;
  readonly lines: number;
  readonly lookahead: number;
  readonly lookaside: number;
  readonly shape: SearchShape;
  readonly density: number;
  readonly seed: string;
}

const settings: fc.Arbitrary<Setting> = fc.record({
  lanes: fc.constantFrom(1, 3, 4, 8, 16, 31, 32),
  rows: fc.integer({ min: 1, max: 4 }),
  lines: fc.integer({ min: 0, max: 24 }),
  lookahead: fc.integer({ min: 0, max: 8 }),
  lookaside: fc.integer({ min: 0, max: 9 }),
  shape: fc.constantFrom<SearchShape>("T", "L"),
  density: fc.constantFrom(0, 0.02, 0.1, 0.3, 0.5, 0.9, 1),
  seed: fc.string(),
});

/** A slot of a plain buffer: null is a zero, a number the slot where its value came from. */
type Slot = number | null;
type Plain = Slot[][][];

function plainBuffer({ lanes, rows, lines, density, seed }: Setting): Plain {
  const random = seedrandom(seed);
  const slots = (t: number, r: number) =>
    Array.from({ length: lanes }, (_, lane) => (random() < density ? (t * rows + r) * lanes + lane : null));
  return Array.from({ length: lines }, (_, t) => Array.from({ length: rows }, (_row, r) => slots(t, r)));
}

function packed(plain: Plain, { rows, lookahead, lines }: Setting): Int32Array {
  const buffer = new Int32Array((lines + lookahead) * rows);
  plain.forEach((line, t) => {
    line.forEach((row, r) => {
      for (const [lane, slot] of row.entries()) if (slot !== null) buffer[t * rows + r] |= 1 << lane;
    });
  });
  return buffer;
}

/** Walks the lines that are not skipped, as both machines do. */
function walk(plain: Plain, { lookahead }: Setting, visit: (t: number) => void): number {
  let skip = 0;
  let kept = 0;
  plain.forEach((line, t) => {
    if (skip < lookahead && line.every((row) => row.every((slot) => slot === null))) {
      skip++;
      return;
    }
    skip = 0;
    kept++;
    visit(t);
  });
  return kept;
}

function candidatesOf(
  plain: Plain,
  map: readonly Offset[],
  lanes: number,
  t: number,
  r: number,
  lane: number,
): [number, number][] {
  return map
    .map(({ ahead, aside }): [number, number] => [t + ahead, (((lane + aside) % lanes) + lanes) % lanes])
    .filter(([line, from]) => line < plain.length && plain[line][r][from] !== null);
}

function take(plain: Plain, t: number, r: number, lane: number, [line, from]: [number, number]): void {
  plain[t][r][lane] = plain[line][r][from];
  plain[line][r][from] = null;
}

function plainStatic(plain: Plain, setting: Setting): number {
  const map = searchMap(setting.shape, setting.lookahead, setting.lookaside);
  return walk(plain, setting, (t) => {
    for (let r = 0; r < setting.rows; r++) {
      for (;;) {
        let neediest = -1;
        let found: [number, number][] = [];
        for (let lane = 0; lane < setting.lanes; lane++) {
          if (plain[t][r][lane] !== null) continue;
          const candidates = candidatesOf(plain, map, setting.lanes, t, r, lane);
          if (candidates.length > found.length) {
            neediest = lane;
            found = candidates;
          }
        }
        if (neediest < 0) break;
        take(plain, t, r, neediest, found[0]);
      }
    }
  });
}

function plainDynamic(plain: Plain, setting: Setting): number {
  const map = searchMap(setting.shape, setting.lookahead, setting.lookaside);
  return walk(plain, setting, (t) => {
    for (let r = 0; r < setting.rows; r++) {
      for (const lane of visitOrder(setting.lanes, setting.lookaside)) {
        if (plain[t][r][lane] !== null) continue;
        const [first] = candidatesOf(plain, map, setting.lanes, t, r, lane);
        if (first !== undefined) take(plain, t, r, lane, first);
      }
    }
  });
}

const SCHEDULERS: Readonly<
  Record<string, { make(setting: Setting): Scheduler; plain(plain: Plain, setting: Setting): number }>
> = {
  static: {
    make: (s) => staticScheduler(laneMap(searchMap(s.shape, s.lookahead, s.lookaside), s.lanes)),
    plain: plainStatic,
  },
  dynamic: {
    make: (s) => dynamicScheduler(laneMap(searchMap(s.shape, s.lookahead, s.lookaside), s.lanes), s.lookaside),
    plain: plainDynamic,
  },
};

for (const [name, { make, plain }] of Object.entries(SCHEDULERS)) {
  describe(`${name} scheduler`, () => {
    test("equals its plain twin, in slots and in kept lines", () => {
      fc.assert(
        fc.property(settings, (setting) => {
          const slow = plainBuffer(setting);
          const fast = packed(slow, setting);
          make(setting)(fast, setting.lines, setting.rows);
          const kept = plain(slow, setting);
          expect([...fast]).toEqual([...packed(slow, setting)]);
          const costs = createSetCosts(1, setting.lines, setting.lookahead);
          recordCost(costs, 0, fast, setting.rows);
          expect(costs.rest[0] + Math.floor(costs.leading[0] / (setting.lookahead + 1))).toBe(kept);
        }),
        { numRuns: 400 },
      );
    });

    test("keeps every value, and moves it only along the search map", () => {
      fc.assert(
        fc.property(settings, (setting) => {
          const buffer = plainBuffer(setting);
          const before = buffer.flat(2).filter((slot) => slot !== null);
          plain(buffer, setting);
          expect(
            buffer
              .flat(2)
              .filter((slot) => slot !== null)
              .sort(byNumber),
          ).toEqual(before.sort(byNumber));
          const map = searchMap(setting.shape, setting.lookahead, setting.lookaside);
          const { lanes, rows } = setting;
          buffer.forEach((line, t) => {
            line.forEach((row, r) => {
              row.forEach((slot, lane) => {
                if (slot === null) return;
                const fromLine = Math.floor(slot / (rows * lanes));
                const turn = (slot % lanes) - lane;
                expect(Math.floor(slot / lanes) % rows).toBe(r);
                if (fromLine === t) expect(turn).toBe(0);
                else expect(map.some((o) => o.ahead === fromLine - t && (o.aside - turn) % lanes === 0)).toBe(true);
              });
            });
          });
        }),
      );
    });

    test("never takes more lines than the dense array, nor fewer than perfect packing", () => {
      fc.assert(
        fc.property(settings, (setting) => {
          const buffer = packed(plainBuffer(setting), setting);
          const costs = createSetCosts(1, setting.lines, setting.lookahead);
          recordIdeal(costs, 0, buffer, setting.rows, setting.lanes);
          make(setting)(buffer, setting.lines, setting.rows);
          recordCost(costs, 0, buffer, setting.rows);
          for (let skip = 0; skip <= setting.lookahead; skip++) {
            const cycles = costs.rest[0] + Math.floor((skip + costs.leading[0]) / (setting.lookahead + 1));
            expect(cycles).toBeLessThanOrEqual(setting.lines);
            expect(cycles).toBeGreaterThanOrEqual(costs.ideal[0]);
          }
        }),
      );
    });
  });
}

function byNumber(a: number, b: number): number {
  return a - b;
}

describe("search map", () => {
  test("T(2,5) reaches three lanes to one side and two to the other, nearest line first", () => {
    const pairs = searchMap("T", 2, 5).map(({ ahead, aside }) => `${ahead},${aside}`);
    expect(pairs).toEqual(["1,-1", "1,0", "1,1", "1,3", "2,-2", "2,0", "2,2"]);
  });

  test("L looks aside on the next line only", () => {
    const pairs = searchMap("L", 2, 2).map(({ ahead, aside }) => `${ahead},${aside}`);
    expect(pairs).toEqual(["1,-2", "1,-1", "1,0", "2,0"]);
  });

  test("is empty without look-ahead", () => {
    expect(searchMap("T", 0, 5)).toEqual([]);
  });

  test("lanes choose in steps of the look-aside", () => {
    expect(visitOrder(16, 5)).toEqual([0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14, 15]);
  });

  test("every lane chooses exactly once, also where the look-aside exceeds the lanes", () => {
    for (let lanes = 1; lanes <= 32; lanes++) {
      for (let aside = 0; aside <= 40; aside++) {
        expect(visitOrder(lanes, aside).sort(byNumber)).toEqual(Array.from({ length: lanes }, (_, lane) => lane));
      }
    }
  });
});

describe("TensorDash on i.i.d. masks", () => {
  test.each(IID_CASES.map((one) => [one.order, one.rows, one] as const))(
    "with the %s speeds %i rows up as an independent model says, within 1 %%",
    (_order, _rows, one) => {
      expect(iidSpeedup(one, 0)).toBe(1);
      expect(largestDeviation(one)).toBeLessThan(IID_TOLERANCE);
    },
  );
});
