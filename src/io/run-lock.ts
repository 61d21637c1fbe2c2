/**
 * One owner for the files of a run. A lock is a small file beside them, made by a hard link, which no two processes can make
 * at once, or, on file systems without them (FAT), made where nothing is. Its owner touches it every few seconds. It no longer holds when its owner is gone: on the same host when that
 * process has ended, on another when nobody has touched it for a while, and when a scheduler has started the same job again.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, link, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeFolder, removePartialFiles } from "./atomic-file.ts";
import { InputError, reasonOf } from "./faults.ts";
import { isRunning, processSpace, processStart } from "./processes.ts";
import { isMissing } from "./read-file.ts";
import { temporaryName } from "./temporary-names.ts";
import { writingFault } from "./writing-fault.ts";

/** Milliseconds from touch to touch, and after which an untouched lock of another host no longer holds. */
const TOUCH_INTERVAL = 10_000;
const UNTOUCHED = 120_000;
/** Milliseconds between two looks at a dead lock that another process is removing, and how many times to look. */
const RETRY = 10;
const MOST_TRIES = 100;
const MILLI = 1e3;
/** What the name of a lock ends with that allows to remove another. */
const DEAD = ".dead";

/** Who holds a lock. */
interface Owner {
  readonly process: number;
  readonly host: string;
  /** When the lock was taken. */
  readonly since: string;
  /** When the process started, in a unit of the system's: another process may have its number by now. */
  readonly processStart?: string;
  /** Where process numbers count: those of another container, or of before the system started, say nothing here. */
  readonly space?: string;
  /** The job of a scheduler, and how often it was started again. */
  readonly job?: string;
  readonly restarts?: number;
  /** Tells this lock from all others. */
  readonly key: string;
}

/** Of a lock that cannot be read any more. */
const LOST: Owner = { process: 0, host: "an unknown host", since: "an unknown time", key: "lost" };

/** A lock that is held. */
export class Lock {
  readonly path: string;
  readonly #owner: Owner;
  readonly #file: FileHandle;
  readonly #timer: NodeJS.Timeout;

  /** Use `withLock`. */
  constructor(path: string, owner: Owner, file: FileHandle) {
    this.path = path;
    this.#owner = owner;
    this.#file = file;
    // Written through the open file, so that nobody else's lock is touched. A touch that fails is one that is missing.
    const touch = () => void file.write(textOf(owner), 0).catch(() => {});
    this.#timer = setInterval(touch, TOUCH_INTERVAL).unref();
  }

  /** @throws InputError where somebody has taken the lock over, because this process stood still for too long. */
  async check(): Promise<void> {
    const owner = await ownerOf(this.path);
    if (owner?.key !== this.#owner.key) throw new InputError([`${dirname(this.path)}: ${takenOver(owner)}`]);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#file.close().catch(() => {});
    // What the work ended with counts: a lock that stays no longer holds when this process has ended.
    const owner = await ownerOf(this.path).catch(() => undefined);
    if (owner?.key === this.#owner.key) await rm(this.path, { force: true }).catch(() => {});
  }
}

/**
 * Calls `work` while holding the lock at `path`, whose folder is made.
 * @throws InputError where another process holds it, which it names, or the file cannot be written.
 */
export async function withLock<Result>(path: string, work: (lock: Lock) => Promise<Result>): Promise<Result> {
  const held = await lock(path);
  try {
    return await work(held);
  } finally {
    await held.release();
  }
}

/** @throws InputError where another process holds the lock at `path`. */
export async function refuseLocked(path: string): Promise<void> {
  await deadOwner(path, thisProcess());
}

async function lock(path: string): Promise<Lock> {
  const owner = thisProcess();
  const mine = join(dirname(path), temporaryName());
  try {
    await makeFolder(dirname(path));
    const file = await written(mine, owner);
    try {
      const candidate = { owner, path: mine, file };
      let held = await made(path, candidate);
      for (let tries = 0; held === undefined; tries++) {
        await removeDead(path, candidate, tries);
        held = await made(path, candidate);
      }
      if (held !== file) await file.close();
      await removeLeft(path, owner).catch(() => {});
      return new Lock(path, owner, held);
    } catch (cause) {
      await file.close();
      throw cause;
    }
  } catch (cause) {
    throw writingFault(dirname(path), cause);
  } finally {
    await rm(mine, { force: true }).catch(() => {});
  }
}

/** A file that becomes a lock by a link to it. */
interface Candidate {
  readonly owner: Owner;
  readonly path: string;
  readonly file: FileHandle;
}

/** A new file with an owner. @throws where there is one. */
async function written(path: string, owner: Owner): Promise<FileHandle> {
  const file = await open(path, "wx");
  try {
    await file.write(textOf(owner), 0);
    await file.sync();
    return file;
  } catch (cause) {
    await file.close();
    await rm(path, { force: true });
    throw cause;
  }
}

/** What systems say of hard links where there are none. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"];

/** The open file of the lock that was made; undefined where there is one. */
async function made(path: string, { owner, path: mine, file }: Candidate): Promise<FileHandle | undefined> {
  try {
    await link(mine, path);
    return file;
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (NO_LINKS.includes(code)) return await written(path, owner).catch(undefinedWhereThere);
    undefinedWhereThere(cause);
    // Over NFS, the answer to a link that was made may get lost, and the link be asked for again. Counts of links may be old there.
    return (await ownerOf(path))?.key === owner.key ? file : undefined;
  }
}

function undefinedWhereThere(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
}

/**
 * Removes a lock whose owner is gone. Only the process that holds a second lock, named after the dead one, may do so: nobody
 * removes a lock that another process has made meanwhile. @throws InputError where the owner may be at work.
 */
async function removeDead(path: string, mine: Candidate, tries: number): Promise<void> {
  const owner = await deadOwner(path, mine.owner);
  if (owner === undefined) return;
  const claim = `${path}.${owner.key}${DEAD}`;
  const claimed = await made(claim, mine);
  if (claimed === undefined) {
    // Another is removing it, which takes no time, or has died meanwhile.
    if (tries < MOST_TRIES) await setTimeout(RETRY);
    else await removeDead(claim, mine, tries);
    return;
  }
  if (claimed !== mine.file) await claimed.close();
  if ((await ownerOf(path))?.key === owner.key) await rm(path, { force: true });
  await rm(claim, { force: true });
}

/** Removes what processes have left that died while they took a lock or removed one. */
async function removeLeft(path: string, me: Owner): Promise<void> {
  const folder = dirname(path);
  await removePartialFiles(folder);
  const claims = (await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith(DEAD));
  for (const claim of claims.map((name) => join(folder, name))) {
    const isLeft = await deadOwner(claim, me).catch(() => undefined);
    if (isLeft !== undefined) await rm(claim, { force: true });
  }
}

/** The owner of a lock, which is gone; undefined where there is no lock. @throws InputError where the owner may be at work. */
async function deadOwner(path: string, me: Owner): Promise<Owner | undefined> {
  const owner = await ownerOf(path);
  if (owner === undefined) return undefined;
  const untouched = isNear(owner, me) ? 0 : await untouchedFor(path);
  if (isGone(owner, me, untouched)) return owner;
  throw new InputError([`${dirname(path)}: ${inUse(owner, me, untouched)}`]);
}

/** Whether the number of the owner's process says something here. */
function isNear(owner: Owner, me: Owner): boolean {
  return owner.host === me.host && owner.space === me.space;
}

function isGone(owner: Owner, me: Owner, untouched: number): boolean {
  if (owner.job !== undefined && owner.job === me.job && (owner.restarts ?? 0) < (me.restarts ?? 0)) return true;
  if (!isNear(owner, me)) return untouched > UNTOUCHED;
  if (!isRunning(owner.process)) return true;
  const start = processStart(owner.process);
  return owner.processStart !== undefined && start !== undefined && owner.processStart !== start;
}

/** Milliseconds since the owner touched its lock, by the clock of the file system alone: those of two hosts may differ. */
async function untouchedFor(path: string): Promise<number> {
  const probe = join(dirname(path), temporaryName());
  try {
    await writeFile(probe, "", { flag: "wx" });
    const [now, then] = [(await stat(probe)).mtimeMs, (await stat(path)).mtimeMs];
    return now - then;
  } catch (cause) {
    if (isMissing(cause)) return 0;
    throw new InputError([`${path}: cannot determine whether its owner has ended: ${reasonOf(cause)}`], { cause });
  } finally {
    await rm(probe, { force: true });
  }
}

function inUse({ process, host, since }: Owner, me: Owner, untouched: number): string {
  const owner = `in use by process ${process}${host === me.host ? "" : ` on ${host}`} since ${since}`;
  const left = Math.max(1, Math.ceil((UNTOUCHED - untouched) / MILLI));
  const wait = untouched === 0 && host === me.host ? "" : `; if that process is gone, its lock ends in ${left} s`;
  return `${owner}; valid: another folder, or wait until it has ended${wait}`;
}

function takenOver(owner: Owner | undefined): string {
  if (owner === undefined)
    return "its lock was removed while this process worked; valid: resume, when nobody else works there";
  return `was taken over by process ${owner.process} on ${owner.host} at ${owner.since}`;
}

function thisProcess(): Owner {
  const { SLURM_JOB_ID: id, SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: task } = process.env;
  const job = array !== undefined && task !== undefined ? `${array}_${task}` : id;
  const start = processStart(process.pid);
  return {
    process: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    ...(start === undefined ? {} : { processStart: start }),
    ...processSpace(),
    ...(job === undefined ? {} : { job, restarts: Number(process.env.SLURM_RESTART_COUNT ?? 0) }),
    key: randomBytes(8).toString("hex"),
  };
}

function textOf(owner: Owner): string {
  return `${JSON.stringify(owner)}\n`;
}

/** Undefined where there is no lock. @throws InputError where the file is no lock. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (isMissing(cause)) return undefined;
    throw new InputError([`${path}: cannot be read: ${reasonOf(cause)}`], { cause });
  });
  if (text === undefined) return undefined;
  try {
    const owner = JSON.parse(text) as Owner;
    if (Number.isSafeInteger(owner.process) && typeof owner.host === "string" && typeof owner.key === "string")
      return owner;
  } catch {
    // A loss of power may leave an empty lock, or a part of one.
    if (text === "" || text.startsWith('{"process":')) return LOST;
  }
  throw new InputError([`${path}: is not a lock of this program; valid: remove it, or another folder`]);
}
