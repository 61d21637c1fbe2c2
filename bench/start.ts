/**
 * What a command takes that hardly computes: CPU seconds of the process from its start to its end, medians of interleaved runs, against
 * those of Node alone and, where its `dist/cli/main.js` is given, of an older build. And the bytes that a page loads for the simulator.
 * `npx tsx bench/start.ts [OLD_PROGRAM]`, or `SWAT_SIM_OLD=… npm run bench`
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { builtProgram } from "../test/cli/build.ts";

const RUNS = 11;
const REPORT =
  "data:text/javascript,process.on('exit',()=>console.error('usage '+JSON.stringify(process.resourceUsage())))";
const COMMANDS = [
  ["--version"],
  ["--help"],
  ["simulate", "traces/resnet8-swat-u90.safetensors", "--hw", "tensordash-4096", "--threads", "1"],
];

const program = await builtProgram();
const old = process.argv[2] ?? process.env.SWAT_SIM_OLD;

/** CPU seconds of one process. */
function cpuOf(args: readonly string[]): number {
  const { status, stderr } = spawnSync(process.execPath, ["--import", REPORT, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const usage = JSON.parse(/^usage (.*)$/m.exec(stderr)?.[1] as string) as NodeJS.ResourceUsage;
  return (usage.userCPUTime + usage.systemCPUTime) / 1e6;
}

/** Medians of processes that take turns. */
function medians(commands: readonly (readonly string[])[]): number[] {
  const seconds = Array.from({ length: RUNS }, () => commands.map(cpuOf));
  return commands.map((_, at) => seconds.map((run) => run[at]).sort((a, b) => a - b)[(RUNS - 1) / 2]);
}

console.log(
  `${"CPU s".padEnd(24)}${["node", "now", "× node", "old", "old/now"].map((head) => head.padStart(9)).join("")}`,
);
for (const args of COMMANDS) {
  const programs = [program, ...(old === undefined ? [] : [resolve(old)])];
  const [bare, now, before] = medians([["-e", ""], ...programs.map((path) => [path, ...args])]);
  const cells = [bare.toFixed(3), now.toFixed(3), (now / bare).toFixed(2)];
  if (before !== undefined) cells.push(before.toFixed(2), (before / now).toFixed(1));
  console.log(args[0].padEnd(24) + cells.map((cell) => cell.padStart(9)).join(""));
}

const page = { bundle: true, minify: true, write: false, format: "esm", platform: "browser" } as const;
const { outputFiles } = await build({ ...page, entryPoints: ["src/sim/index.ts"] });
console.log(`swat-sim/sim for browsers: ${(gzipSync(outputFiles[0].text).length / 1024).toFixed(0)} KB gzipped`);
