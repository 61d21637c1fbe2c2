/**
 * The command line as a user runs it: what it printed where, and its exit code. `swatSim` runs the built program inside the test's
 * process, which starts it once for all tests of a file; `start` and `swatSimProcess` start a process of its own, for signals,
 * closed pipes, and that a process ends with that code and nothing left to wait for.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Console } from "node:console";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";

export const ROOT = resolve(import.meta.dirname, "../..");
const program = inject("program");
/** As it was before any command ran here. */
const environment = { ...process.env };
const { runCommand }: typeof import("../../src/cli/run-command.ts") = await import(
  pathToFileURL(join(dirname(program), "run-command.js")).href
);

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
    env: { ...environment, ...env },
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

/** Runs `swat-sim` to its end in a process of its own. */
export function swatSimProcess(args: readonly string[], surroundings?: Surroundings): Promise<Outcome> {
  return ended(start(args, surroundings));
}

let previous: Promise<unknown> = Promise.resolve();

/** Runs `swat-sim` to its end in this process, one call after the other: folder, environment and output belong to the process. */
export function swatSim(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const run = () => runHere(args, surroundings);
  const outcome = previous.then(run, run);
  previous = outcome;
  return outcome;
}

async function runHere(args: readonly string[], { cwd = ROOT, env = {} }: Surroundings): Promise<Outcome> {
  const before = { cwd: process.cwd(), env: { ...process.env }, console: globalThis.console };
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
  process.chdir(cwd);
  Object.assign(process.env, env);
  globalThis.console = new Console(process.stdout, process.stderr);
  process.exitCode = 0;
  try {
    await runCommand(args);
    return { code: Number(process.exitCode), stdout: stdout.end(), stderr: stderr.end() };
  } finally {
    stdout.end();
    stderr.end();
    process.exitCode = 0;
    globalThis.console = before.console;
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before.env);
    process.chdir(before.cwd);
  }
}

/** Makes a stream a pipe that keeps what is written to it, until `end` gives it back. */
function capture(stream: NodeJS.WriteStream): { end(): string } {
  const { write, isTTY } = stream;
  let printed = "";
  stream.isTTY = false;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    printed += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const written = rest.at(-1);
    if (typeof written === "function") written();
    return true;
  };
  return {
    end: () => {
      Object.assign(stream, { write, isTTY });
      return printed;
    },
  };
}

/** The lines of what was printed. */
export function linesOf(printed: string): string[] {
  return printed.split("\n").filter((line) => line !== "");
}

/** Whether something printed looks like the stack of an error. */
export function hasStack(printed: string): boolean {
  return /^\s+at .*[:(]/m.test(printed);
}
