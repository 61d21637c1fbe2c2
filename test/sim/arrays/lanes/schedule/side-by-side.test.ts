/** Eight schedules side by side in WebAssembly cost what the same buffers cost one by one in JavaScript. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { expect, test } from "vitest";
import { dynamicScheduler } from "../../../../../src/sim/arrays/lanes/schedule/dynamic-schedule.ts";
import { searchMapOf } from "../../../../../src/sim/arrays/lanes/schedule/search-map.ts";
import { createSetCosts } from "../../../../../src/sim/arrays/lanes/schedule/set-costs.ts";
import { type SetScheduler, setRecorder } from "../../../../../src/sim/arrays/lanes/schedule/set-recorder.ts";
import { sideBySide } from "../../../../../src/sim/arrays/lanes/schedule/side-by-side.ts";
import { PUBLISHED_OFFSETS } from "../../../../support/published-search.ts";

const settings = fc.record({
  lanes: fc.integer({ min: 1, max: 16 }),
  rows: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  lines: fc.integer({ min: 0, max: 40 }),
  lookahead: fc.integer({ min: 0, max: 7 }),
  lookaside: fc.integer({ min: 0, max: 7 }),
  sets: fc.integer({ min: 1, max: 19 }),
  density: fc.constantFrom(0, 0.02, 0.1, 0.3, 0.5, 0.9, 1),
  seed: fc.string(),
});

const published = settings.map((some) => ({ ...some, lanes: 16, lookahead: 2, offsets: PUBLISHED_OFFSETS }));

test("vectors and words give the same costs for sets of any shape, in any number", () => {
  fc.assert(
    fc.property(fc.oneof(settings, published), (setting) => {
      const { lanes, rows, lines, lookahead, lookaside, sets, density, seed } = setting;
      const map = searchMapOf({ ...setting, shape: "T" });
      const vectors = sideBySide(map, lookaside);
      expect(vectors).not.toBeNull();
      const schedule = dynamicScheduler(map, lookaside);
      const record = (scheduler: SetScheduler) => {
        const random = seedrandom(seed);
        const costs = createSetCosts(sets, lines, lookahead);
        const recorder = setRecorder(scheduler, lanes, costs);
        for (let set = 0; set < sets; set++) {
          const wide = rows[set % rows.length];
          const buffer = new Int32Array((lines + lookahead) * wide);
          for (let at = 0; at < lines * wide; at++) {
            for (let lane = 0; lane < lanes; lane++) if (random() < density) buffer[at] |= 1 << lane;
          }
          if (set % 5 === 4) recorder.repeat(set, set - 1);
          else recorder.add(set, buffer, wide);
        }
        recorder.finish();
        return costs;
      };
      expect(record({ schedule, vectors })).toEqual(record({ schedule, vectors: null }));
    }),
    { numRuns: 300 },
  );
});
