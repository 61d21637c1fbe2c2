/** The command line as a user runs it: a process of its own, its exit code, and what it printed where. */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { inject } from "vitest";

export const ROOT = resolve(import.meta.dirname, "../..");
const program = inject("program");

/** What a run left behind. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what environment to run; the repository's root where not given. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `swat-sim` with these arguments, its output in pipes. */
export function start(args: readonly string[], { cwd = ROOT, env = {} }: Surroundings = {}): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Waits for the end of a process; of `streams` it keeps what was printed. */
export async function ended(child: ChildProcess, streams: readonly Stream[] = ["stdout", "stderr"]): Promise<Outcome> {
  const code = new Promise<number | null>((done) => child.once("close", done));
  const printed = (name: Stream) => (streams.includes(name) && child[name] !== null ? text(child[name]) : "");
  const [stdout, stderr] = await Promise.all([printed("stdout"), printed("stderr")]);
  return { code: await code, stdout, stderr };
}

type Stream = "stdout" | "stderr";

/** Runs `swat-sim` to its end. */
export function swatSim(args: readonly string[], surroundings?: Surroundings): Promise<Outcome> {
  return ended(start(args, surroundings));
}

/** The lines of what was printed. */
export function linesOf(printed: string): string[] {
  return printed.split("\n").filter((line) => line !== "");
}

/** Whether something printed looks like the stack of an error. */
export function hasStack(printed: string): boolean {
  return /^\s+at .*[:(]/m.test(printed);
}
