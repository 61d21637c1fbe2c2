/**
 * Speed of the lane schedulers on random masks: millions of scheduled lane words (one row of one line) a second, the costs
 * recorded as in a run. Dynamic schedules are made one by one in JavaScript and eight side by side in WebAssembly, through the
 * recorder that machines use, on eight buffers that differ. `npx tsx bench/scheduler.ts`
 */
import seedrandom from "seedrandom";
import { dynamicScheduler } from "../src/sim/arrays/lanes/schedule/dynamic-schedule.ts";
import { type LaneMap, laneMap, searchMap } from "../src/sim/arrays/lanes/schedule/search-map.ts";
import { createSetCosts, recordCost, recordIdeal } from "../src/sim/arrays/lanes/schedule/set-costs.ts";
import { type SetScheduler, setRecorder } from "../src/sim/arrays/lanes/schedule/set-recorder.ts";
import { STREAMS, sideBySide } from "../src/sim/arrays/lanes/schedule/side-by-side.ts";
import { staticScheduler } from "../src/sim/arrays/lanes/schedule/static-schedule.ts";

const LANES = 16;
const ROWS = 4;
const LINES = 4_608;
const DENSITIES = [0.02, 0.1, 0.2, 0.5, 0.9];
const MEASURED_MS = 300;
const DEPTHS = [
  [2, 5],
  [7, 7],
] as const;

function randomBuffer(density: number, lookahead: number, stream: number): Int32Array {
  const random = seedrandom(`scheduler ${density} ${stream}`);
  const buffer = new Int32Array((LINES + lookahead) * ROWS);
  for (let at = 0; at < LINES * ROWS; at++) {
    for (let lane = 0; lane < LANES; lane++) if (random() < density) buffer[at] |= 1 << lane;
  }
  return buffer;
}

/** Million words a second of `once`, which schedules `sets` buffers. */
function measure(sets: number, once: () => void): number {
  for (let i = 0; i < 5; i++) once();
  const start = performance.now();
  let runs = 0;
  for (; performance.now() - start < MEASURED_MS; runs++) once();
  return (runs * sets * LINES * ROWS) / (performance.now() - start) / 1000;
}

function measureStatic(map: LaneMap, source: Int32Array): number {
  const schedule = staticScheduler(map);
  const buffer = new Int32Array(source.length);
  const costs = createSetCosts(1, LINES, map.lookahead);
  return measure(1, () => {
    buffer.set(source);
    recordIdeal(costs, 0, buffer, ROWS, LANES);
    schedule(buffer, LINES, ROWS);
    recordCost(costs, 0, buffer, ROWS);
  });
}

function measureDynamic(scheduler: SetScheduler, sources: readonly Int32Array[], lookahead: number): number {
  const buffer = new Int32Array(sources[0].length);
  const costs = createSetCosts(sources.length, LINES, lookahead);
  const recorder = setRecorder(scheduler, LANES, costs);
  return measure(sources.length, () => {
    for (let set = 0; set < sources.length; set++) {
      buffer.set(sources[set]);
      recorder.add(set, buffer, ROWS);
    }
    recorder.finish();
  });
}

function print(label: string, numbers: readonly number[]): void {
  console.log([label.padEnd(26), ...numbers.map((number) => number.toFixed(1).padStart(8))].join(""));
}

console.log(`million lane words a second, ${LANES} lanes, ${ROWS} rows, shape T`);
print("density", DENSITIES);
for (const [lookahead, lookaside] of DEPTHS) {
  const map = laneMap(searchMap("T", lookahead, lookaside), LANES);
  const depth = `(${lookahead},${lookaside})`;
  const buffers = DENSITIES.map((density) =>
    Array.from({ length: STREAMS }, (_, stream) => randomBuffer(density, lookahead, stream)),
  );
  print(
    `static ${depth}`,
    buffers.map(([first]) => measureStatic(map, first)),
  );
  const schedule = dynamicScheduler(map, lookaside);
  const alone = buffers.map((eight) => measureDynamic({ schedule, vectors: null }, eight, lookahead));
  const vectors = sideBySide(map, lookaside);
  const eight = buffers.map((sources) => measureDynamic({ schedule, vectors }, sources, lookahead));
  print(`dynamic ${depth}, one by one`, alone);
  print(`dynamic ${depth}, side by side`, eight);
  print(
    "  ratio",
    eight.map((speed, i) => speed / alone[i]),
  );
}
