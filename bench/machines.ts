/**
 * Speed of every shipped machine on a trace: dense-equivalent MACs of all three passes simulated a second, the whole
 * attribution included (each op runs with all its zeros, with the natural ones, without any, and without image padding),
 * and the time against the fastest machine. `npx tsx bench/machines.ts [trace] [rounds]`
 */

import { loadMachines, openTraces } from "../src/api/open.ts";
import { accelerators } from "../src/sim/arrays/index.ts";
import { simulate } from "../src/sim/simulate.ts";
import { median } from "./ratio.ts";

const path = process.argv[2] ?? "traces/resnet8-swat-u90.safetensors";
const rounds = Number(process.argv[3] ?? 3);
const traces = await openTraces([path]);
const machines = await loadMachines(["all"], accelerators);

const times = machines.map((): number[] => []);
let macs = 0;
for (let round = -1; round < rounds; round++) {
  for (const [index, machine] of machines.entries()) {
    const start = performance.now();
    const result = await simulate({ traces, machines: [machine] });
    if (round >= 0) times[index].push(performance.now() - start);
    macs = result.machines[0].totals.matmul.denseMacs;
  }
}

const medians = times.map(median);
const fastest = Math.min(...medians);
console.log(`${path}: ${(macs / 1e6).toFixed(1)} M dense MACs, medians of ${rounds} interleaved rounds`);
console.log(`${"machine".padEnd(26)}${"ms".padStart(8)}${"GMAC/s".padStart(9)}${"× fastest".padStart(11)}`);
for (const [index, { name }] of machines.entries()) {
  const ms = medians[index];
  const cells = [
    ms.toFixed(0).padStart(8),
    (macs / ms / 1e6).toFixed(2).padStart(9),
    (ms / fastest).toFixed(1).padStart(11),
  ];
  console.log(name.padEnd(26) + cells.join(""));
}
console.log(
  `${"all".padEnd(26)}${medians
    .reduce((a, b) => a + b)
    .toFixed(0)
    .padStart(8)}`,
);
