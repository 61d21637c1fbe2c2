/**
 * `npm run fuzz`: mutated files of every kind that is read, each answered or refused in words, within limits of time and memory. The
 * files are read in a process that is ended where one takes too long. What was found wanting is written to a file; exits 1 then.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkNames, count, readCommandLine } from "../support/command-line.ts";
import { FileFuzzer } from "./fuzz-files.ts";
import { KINDS } from "./kinds.ts";

const USAGE = `usage: npm run fuzz -- [--kind K]… [--count N] [--seed S] [--first I] [--out DIR]
  --kind K   ${Object.keys(KINDS).join(", ")} (all)
  --count N  files of each kind (1000)
  --seed S   what the files are drawn from (1)
  --first I  number of the first file (0)
  --out DIR  folder for files that reveal a fault (fuzz-findings)
example: npm run fuzz -- --kind trace --count 1 --seed 1 --first 4711`;
const OPTIONS = {
  kind: { type: "string", multiple: true },
  count: { type: "string", default: "1000" },
  seed: { type: "string", default: "1" },
  first: { type: "string", default: "0" },
  out: { type: "string", default: "fuzz-findings" },
} as const;
const READER = join(import.meta.dirname, "reader.ts");
/** How often a process is looked at, and how long it may take for one file on a busy machine: it judges CPU time by itself. */
const LOOK_MILLISECONDS = 250;
const MOST_MILLISECONDS = 60_000;

/** What a process says: of a file found wanting, and at its end. */
export type Message =
  | { readonly index: number; readonly fault: string }
  | { readonly read: number; readonly answered: number };

interface Task {
  readonly kind: string;
  readonly seed: number;
  readonly first: number;
  readonly end: number;
}

const { kinds, most, seed, first, out } = readCommandLine(USAGE, commandLine);
let found = 0;
for (const kind of kinds) {
  const report = await fuzz({ kind, seed, first, end: first + most });
  console.log(
    `${kind}: ${report.read} files, ${KINDS[kind].isForeign ? "all to be refused" : `${report.answered} answered`}, ${report.findings} findings`,
  );
  found += report.findings;
}
process.exitCode = found > 0 ? 1 : 0;

/** Reads the files of a task, in process after process where one has to be ended. */
async function fuzz(task: Task) {
  const report = { read: 0, answered: 0, findings: 0 };
  for (let next = task.first; next < task.end; ) {
    const findings: Promise<void>[] = [];
    const at = await inProcess({ ...task, first: next }, (message) => {
      if ("fault" in message) findings.push(tell(task, message.index, message.fault));
      else {
        report.read += message.read;
        report.answered += message.answered;
      }
    });
    if (at !== undefined) {
      findings.push(tell(task, at, "did not end, or ended the process"));
      report.read += at + 1 - next;
    }
    await Promise.all(findings);
    report.findings += findings.length;
    next = at === undefined ? task.end : at + 1;
  }
  return report;
}

/** Runs a process to its end; gives the number of the file at which it was ended, or died. */
async function inProcess(task: Task, onMessage: (message: Message) => void): Promise<number | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-fuzz-"));
  const place = join(folder, "at");
  await writeFile(place, "");
  const child = fork(READER, [JSON.stringify({ ...task, place })]);
  let isEnded = false;
  child.on("message", (message: Message) => {
    isEnded ||= "read" in message;
    onMessage(message);
  });
  let since = { at: "", milliseconds: Date.now() };
  const timer = setInterval(() => {
    const at = readFileSync(place, "utf8");
    if (at !== since.at) since = { at, milliseconds: Date.now() };
    else if (at !== "" && Date.now() - since.milliseconds > MOST_MILLISECONDS) child.kill("SIGKILL");
  }, LOOK_MILLISECONDS);
  await once(child, "close");
  clearInterval(timer);
  const at = await readFile(place, "utf8");
  await rm(folder, { recursive: true });
  if (isEnded) return undefined;
  if (at === "") throw new Error(`${task.kind}: the process that reads the files did not start`);
  return Number(at);
}

async function tell({ kind, seed: of }: Task, index: number, fault: string): Promise<void> {
  const path = join(out, `${kind}-${of}-${index}`);
  await mkdir(out, { recursive: true });
  await writeFile(path, (await FileFuzzer.of(kind)).file(of, index));
  console.log(`${path}: ${fault}\n  again: npm run fuzz -- --kind ${kind} --seed ${of} --first ${index} --count 1`);
}

function commandLine() {
  const { values } = parseArgs({ options: OPTIONS });
  const { kind: kinds = Object.keys(KINDS), out } = values;
  checkNames("kind", kinds, Object.keys(KINDS));
  return {
    kinds,
    most: count("count", values.count),
    seed: count("seed", values.seed),
    first: count("first", values.first),
    out,
  };
}
