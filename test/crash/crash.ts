/**
 * One command, disturbed at a random moment and then run again: whatever it left must be whole or known to be unfinished, and the
 * second run must end with the files of a run that was never disturbed, and nothing else.
 */
import { execFileSync, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, statfs, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { memorySource } from "../../src/io/byte-source.ts";
import { decodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { openContainer } from "../../src/trace/safetensors.ts";
import { Draw } from "../fuzz/draw.ts";
import { INPUTS, VERBS, type Verb } from "./verbs.ts";

/** Ended at once, asked to end, without space in the middle, on a small disk, on a disk that may not be written. */
export const FAULTS = ["kill", "term", "full", "disk", "readonly"] as const;
export type Fault = (typeof FAULTS)[number];

/** What `moments.js` does, and what it writes down. */
interface Moment {
  readonly at?: number;
  readonly fault?: "SIGKILL" | "SIGTERM" | "full";
  readonly isHalf?: boolean;
  readonly counted?: string;
  readonly clockBack?: number;
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** A verb undisturbed: its files, the operations that change files, and how long it took. */
interface Undisturbed {
  readonly inputs: Files;
  readonly files: Files;
  readonly operations: number;
  readonly milliseconds: number;
}

/** Files by their path. */
type Files = ReadonlyMap<string, Buffer>;

const PRELOAD = `--import=${pathToFileURL(join(import.meta.dirname, "moments.js")).href}`;
const DAY = 86_400_000;
const YEAR = 365 * DAY;
/** Shares of rounds: killed by the clock, not at an operation; half a write; killed again while it recovers; clock and times changed. */
const BY_CLOCK = 0.3;
const HALF = 0.5;
const AGAIN = 0.3;
const OTHER_TIME = 0.4;
const LARGE = "64m";
const TERMINATED = 143;

/** What a round found, and whether the fault came before the command had ended. */
export interface Round {
  readonly hits: number;
  readonly faults: readonly string[];
}

/** Runs verbs in folders below one that `close` removes. */
export class Crashes {
  readonly #program: string;
  readonly #root: string;
  readonly #undisturbed = new Map<string, Promise<Undisturbed>>();
  readonly #inputs = new Map<string, Promise<void>>();

  private constructor(program: string, root: string) {
    this.#program = program;
    this.#root = root;
  }

  /** @param program a file that Node runs. */
  static async of(program: string): Promise<Crashes> {
    return new Crashes(program, await mkdtemp(join(tmpdir(), "swat-sim-crash-")));
  }

  close(): Promise<void> {
    return rm(this.#root, { recursive: true, force: true });
  }

  /** One round: the same for the same verb, fault, seed and number, but for what depends on the speed of the machine. */
  async round(name: string, fault: Fault, seed: number, index: number): Promise<Round> {
    const draw = new Draw(`${name} ${fault} ${seed} ${index}`);
    const verb = VERBS[name];
    this.#undisturbed.set(name, this.#undisturbed.get(name) ?? this.#measure(verb));
    const usual = (await this.#undisturbed.get(name)) as Undisturbed;
    const folder = await mkdtemp(join(this.#root, "case-"));
    const isMounted = fault === "disk" || fault === "readonly";
    try {
      if (isMounted) mount(folder, ["-t", "tmpfs", "-o", `size=${LARGE}`, "tmpfs"]);
      await this.#prepare(verb, folder);
      const faults: string[] = [];
      let hits = 0;
      do {
        if (isMounted) await restrict(folder, fault, usual, draw);
        const ended = await this.#disturb(verb, folder, { fault, usual, draw });
        if (isMounted) mount(folder, ["-o", `remount,rw,size=${LARGE}`]);
        if (ended.code === 0) break;
        hits++;
        faults.push(...endFaults(ended, fault, verb), ...(await leftFaults(folder, usual, fault)));
      } while (draw.chance(AGAIN));
      return { hits, faults: [...faults, ...(await this.#recover(verb, folder, usual, draw))] };
    } finally {
      if (isMounted) execFileSync("umount", ["-l", folder]);
      await rm(folder, { recursive: true, force: true });
      await rm(temporary(folder), { recursive: true, force: true });
    }
  }

  async #prepare({ inputs }: Verb, folder: string): Promise<void> {
    await mkdir(temporary(folder), { recursive: true });
    for (const [from, to] of Object.entries(inputs)) {
      await this.#input(from.split("/")[0]);
      await mkdir(dirname(join(folder, to)), { recursive: true });
      await cp(join(this.#root, "inputs", from), join(folder, to), { recursive: true });
    }
  }

  /** Makes an input, and what it needs, the first time that it is asked for. */
  #input(name: string): Promise<void> {
    const make = async () => {
      for (const needed of INPUTS[name].needs ?? []) await this.#input(needed);
      const folder = join(this.#root, "inputs");
      await mkdir(folder, { recursive: true });
      await mkdir(temporary(folder), { recursive: true });
      await INPUTS[name].make(folder, async (args, cwd, stopAt) => {
        const moment: Moment = stopAt === undefined ? {} : { at: stopAt, fault: "SIGTERM" };
        const { code, stderr } = await this.#run(args, cwd, moment);
        if (code !== (stopAt === undefined ? 0 : TERMINATED)) throw new Error(`${args.join(" ")}: ${code}: ${stderr}`);
      });
    };
    this.#inputs.set(name, this.#inputs.get(name) ?? make());
    return this.#inputs.get(name) as Promise<void>;
  }

  async #measure(verb: Verb): Promise<Undisturbed> {
    const folder = await mkdtemp(join(this.#root, "usual-"));
    await this.#prepare(verb, folder);
    const inputs = await filesIn(folder);
    const counted = join(this.#root, "counted");
    const started = performance.now();
    const { code, stderr } = await this.#run(verb.args, folder, { counted });
    if (code !== 0) throw new Error(`${verb.args.join(" ")}: ended with ${code}: ${stderr}`);
    const milliseconds = performance.now() - started;
    return { inputs, files: await filesIn(folder), operations: Number(await readFile(counted, "utf8")), milliseconds };
  }

  async #disturb(
    verb: Verb,
    folder: string,
    { fault, usual, draw }: { readonly fault: Fault; readonly usual: Undisturbed; readonly draw: Draw },
  ): Promise<Ended> {
    const args = (await verb.again?.(folder)) ?? verb.args;
    if (fault === "disk" || fault === "readonly") return this.#run(args, folder);
    const signal = fault === "kill" ? "SIGKILL" : fault === "term" ? "SIGTERM" : undefined;
    if (signal !== undefined && draw.chance(BY_CLOCK))
      return this.#run(args, folder, {}, { signal, after: draw.below(usual.milliseconds) });
    const at = 1 + draw.below(usual.operations);
    return this.#run(args, folder, { at, fault: signal ?? "full", isHalf: fault !== "term" && draw.chance(HALF) });
  }

  /** Runs the verb to its end, perhaps with a clock that went back or files of another year. */
  async #recover(verb: Verb, folder: string, usual: Undisturbed, draw: Draw): Promise<string[]> {
    const clockBack = draw.chance(OTHER_TIME) ? { clockBack: DAY } : {};
    if (draw.chance(OTHER_TIME)) {
      const time = new Date(Date.now() + draw.pick([-YEAR, YEAR]));
      for (const path of (await filesIn(folder)).keys()) await utimes(join(folder, path), time, time);
    }
    const { code, stderr } = await this.#run((await verb.again?.(folder)) ?? verb.args, folder, clockBack);
    if (code !== 0) return [`the second run ended with ${code}: ${stderr}`];
    const left = await readdir(temporary(folder));
    return [...(await differences(folder, usual)), ...left.map((name) => `${name} was left among temporary files`)];
  }

  #run(
    args: readonly string[],
    cwd: string,
    moment: Moment = {},
    timed?: { readonly signal: NodeJS.Signals; readonly after: number },
  ): Promise<Ended> {
    const child = spawn(process.execPath, [this.#program, ...args], {
      cwd,
      env: {
        ...process.env,
        NODE_OPTIONS: PRELOAD,
        SWAT_SIM_MOMENT: JSON.stringify(moment),
        TMPDIR: temporary(cwd),
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (timed !== undefined) setTimeout(() => child.kill(timed.signal), timed.after);
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    return new Promise((done) => child.once("close", (code, signal) => done({ code, signal, stderr })));
  }
}

const temporary = (folder: string) => `${folder}-temporary`;

/** Why no disk can be mounted here; undefined where one can. */
export async function mountFault(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-mount-"));
  try {
    mount(folder, ["-t", "tmpfs", "-o", `size=${LARGE}`, "tmpfs"]);
    execFileSync("umount", ["-l", folder]);
    return undefined;
  } catch (error) {
    return `no disk can be mounted here: ${(error as Error).message.trim().split("\n").at(-1)}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function mount(folder: string, args: readonly string[]): void {
  execFileSync("mount", [...args, folder], { stdio: ["ignore", "ignore", "pipe"] });
}

/** Leaves a part of the space that the verb would need, or none at all. */
async function restrict(folder: string, fault: Fault, { files }: Undisturbed, draw: Draw): Promise<void> {
  if (fault === "disk") {
    const { bsize, blocks, bfree } = await statfs(folder);
    const used = blocks - bfree;
    const needed = [...files.values()].reduce((sum, { length }) => sum + Math.ceil(length / bsize), 0);
    mount(folder, ["-o", `remount,size=${(used + 1 + draw.below(Math.max(1, needed - used))) * bsize}`]);
  } else mount(folder, ["-o", "remount,ro"]);
}

/** All files below `folder`, of logs without what is measured, lines that come in any order sorted. */
async function filesIn(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(
    paths.sort().map(async (path) => [path.slice(folder.length + 1), normalised(path, await readFile(path))] as const),
  );
  return new Map(files);
}

function normalised(path: string, bytes: Buffer): Buffer {
  if (/log\.(jsonl|csv)$/.test(path))
    return Buffer.from(bytes.toString().replaceAll(/,"imagesPerSecond":[\d.]+|(?<=^(?:[^,\n]*,){6})[\d.]+/gm, ""));
  if (path.endsWith("points.jsonl")) {
    const lines = bytes.toString().split("\n");
    const unfinished = lines.pop();
    return Buffer.from([...lines.sort(), unfinished].join("\n"));
  }
  return bytes;
}

/** How a disturbed command may not end. */
function endFaults({ code, signal, stderr }: Ended, fault: Fault, { saves = false }: Verb): string[] {
  if (fault === "kill") return signal === "SIGKILL" ? [] : [`SIGKILL ended it with ${code} ${signal}: ${stderr}`];
  // Before it listens, and after all is written, the system ends it.
  if (fault === "term")
    return signal === "SIGTERM" || (saves && code === TERMINATED) ? [] : [`SIGTERM: ${code} ${signal}: ${stderr}`];
  const said = fault === "readonly" ? /EROFS|read-only/i : /ENOSPC|no space/i;
  const isSaid = code === 1 && said.test(stderr) && stderr.split("\n").every((line) => !/^\s+at /.test(line));
  return isSaid ? [] : [`${fault}: ended with ${code} ${signal}: ${stderr}`];
}

/** Whether a file that is not that of an undisturbed run is one that a run has before its end. */
const UNFINISHED: readonly (readonly [RegExp, (bytes: Buffer, whole: Buffer) => unknown])[] = [
  [/checkpoint\.safetensors$/, (bytes) => decodeCheckpoint(memorySource("checkpoint", bytes))],
  [/weights\.safetensors$/, (bytes) => openContainer(memorySource("weights", bytes))],
  [/training\.json$/, (bytes) => JSON.parse(bytes.toString())],
  [/log\.(jsonl|csv)$/, (bytes, whole) => isPrefix(wholeLines(bytes), wholeLines(whole))],
  [/points\.jsonl$/, (bytes, whole) => wholeLines(bytes).every((line) => wholeLines(whole).includes(line))],
];
/** What no reader takes for a file of its own. */
const NO_FILE = /\.partial$|\.lock(\.[0-9a-f]{16}(\.dead|\.probe)?)*$/;

const wholeLines = (bytes: Buffer) => bytes.toString().split("\n").slice(0, -1);
const isPrefix = (some: readonly string[], all: readonly string[]) => some.every((line, at) => line === all[at]);

/** Faults in what a disturbed command left: each file is what it was before, whole, or known to be unfinished. */
async function leftFaults(folder: string, { inputs, files }: Undisturbed, fault: Fault): Promise<string[]> {
  const faults: string[] = [];
  for (const [path, bytes] of await filesIn(folder)) {
    if (NO_FILE.test(path)) {
      if (fault !== "kill" && fault !== "term") faults.push(`${path} was left`);
      continue;
    }
    if ([inputs, files].some((known) => known.get(path)?.equals(bytes))) continue;
    const [, isKnown] = UNFINISHED.find(([name]) => name.test(path)) ?? [];
    try {
      if (isKnown === undefined || (await isKnown(bytes, files.get(path) ?? Buffer.of())) === false)
        faults.push(`${path} was left half done, with ${bytes.length} bytes`);
    } catch (error) {
      faults.push(`${path} was left half done: ${(error as Error).message}`);
    }
  }
  return faults;
}

/** Where the files in `folder` differ from those of an undisturbed run. */
async function differences(folder: string, { files }: Undisturbed): Promise<string[]> {
  const found = await filesIn(folder);
  return [...new Set([...found.keys(), ...files.keys()])].flatMap((path) => {
    const [is, was] = [found.get(path), files.get(path)];
    if (is === undefined || was === undefined) return [`${path} ${is === undefined ? "is missing" : "was left"}`];
    return is.equals(was) ? [] : [`${path} differs from that of an undisturbed run`];
  });
}
