/** Runs the program as it is built, and tells what that took: CPU seconds of all threads from start to end, and the largest resident set. */
import { spawnSync } from "node:child_process";
import { builtProgram } from "../test/cli/build.ts";

const program = await builtProgram();
const REPORT =
  "data:text/javascript,process.on('exit',()=>console.error('usage '+JSON.stringify(process.resourceUsage())))";

/** What a run took. */
export interface Taken {
  readonly seconds: number;
  readonly cpu: number;
  readonly megabytes: number;
}

/** Runs `swat-sim` and tells what it took. @throws Error with what it printed where it failed. */
export function run(...args: string[]): Taken {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--import", REPORT, program, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const seconds = (performance.now() - start) / 1e3;
  if (status !== 0) throw new Error(stderr);
  const usage = JSON.parse(/^usage (.*)$/m.exec(stderr)?.[1] as string) as NodeJS.ResourceUsage;
  return { seconds, cpu: (usage.userCPUTime + usage.systemCPUTime) / 1e6, megabytes: usage.maxRSS / 1024 };
}
