/**
 * Speed of the two lane schedulers on random masks: millions of scheduled lane words (one row of one line) a second, the
 * costs recorded as in a run. `npx tsx bench/scheduler.ts`
 */
import seedrandom from "seedrandom";
import { dynamicScheduler } from "../src/sim/lanes/dynamic-schedule.ts";
import type { Scheduler } from "../src/sim/lanes/line-walk.ts";
import { laneMap, searchMap } from "../src/sim/lanes/search-map.ts";
import { createSetCosts, recordCost, recordIdeal } from "../src/sim/lanes/set-costs.ts";
import { type SideBySide, STREAMS, sideBySide } from "../src/sim/lanes/side-by-side.ts";
import { staticScheduler } from "../src/sim/lanes/static-schedule.ts";

const LANES = 16;
const ROWS = 4;
const LINES = 4_608;
const DENSITIES = [0.02, 0.1, 0.2, 0.5, 0.9];
const MEASURED_MS = 300;
const DEPTHS = [
  [2, 5],
  [7, 7],
] as const;

function randomBuffer(density: number, lookahead: number): Int32Array {
  const random = seedrandom(`scheduler ${density}`);
  const buffer = new Int32Array((LINES + lookahead) * ROWS);
  for (let at = 0; at < LINES * ROWS; at++) {
    for (let lane = 0; lane < LANES; lane++) if (random() < density) buffer[at] |= 1 << lane;
  }
  return buffer;
}

/** Million words a second. */
function measure(schedule: Scheduler, source: Int32Array, lookahead: number): number {
  const buffer = new Int32Array(source.length);
  const costs = createSetCosts(1, LINES, lookahead);
  const once = () => {
    buffer.set(source);
    recordIdeal(costs, 0, buffer, ROWS, LANES);
    schedule(buffer, LINES, ROWS);
    recordCost(costs, 0, buffer, ROWS);
  };
  for (let i = 0; i < 20; i++) once();
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < MEASURED_MS) {
    once();
    runs++;
  }
  return (runs * LINES * ROWS) / (performance.now() - start) / 1000;
}

/** As `measure`, eight buffers side by side. */
function measureVectors(vectors: SideBySide, source: Int32Array, lookahead: number): number {
  const costs = createSetCosts(STREAMS, LINES, lookahead);
  const sets = Int32Array.from({ length: STREAMS }, (_, set) => set);
  const once = () => {
    const words = vectors.words(LINES, ROWS);
    for (let at = 0; at < LINES * ROWS; at++) words.fill(source[at], at * STREAMS, (at + 1) * STREAMS);
    const start = performance.now();
    vectors.record(LINES, ROWS, costs, sets, STREAMS);
    return performance.now() - start;
  };
  once();
  let spent = 0;
  let runs = 0;
  for (; spent < MEASURED_MS; runs++) spent += once();
  return (runs * LINES * ROWS * STREAMS) / spent / 1000;
}

console.log(`million lane words a second, ${LANES} lanes, ${ROWS} rows, shape T`);
console.log(["density".padEnd(16), ...DENSITIES.map((density) => String(density).padStart(8))].join(""));
for (const [lookahead, lookaside] of DEPTHS) {
  const map = laneMap(searchMap("T", lookahead, lookaside), LANES);
  const schedulers = { static: staticScheduler(map), dynamic: dynamicScheduler(map, lookaside) };
  for (const [name, schedule] of Object.entries(schedulers)) {
    const speeds = DENSITIES.map((density) => measure(schedule, randomBuffer(density, lookahead), lookahead));
    console.log(
      [`${name} (${lookahead},${lookaside})`.padEnd(16), ...speeds.map((s) => s.toFixed(1).padStart(8))].join(""),
    );
  }
  const vectors = sideBySide(map, lookaside);
  if (vectors === null) continue;
  const speeds = DENSITIES.map((density) => measureVectors(vectors, randomBuffer(density, lookahead), lookahead));
  console.log([`8 × dynamic`.padEnd(16), ...speeds.map((s) => s.toFixed(1).padStart(8))].join(""));
}
