/**
 * The points of a sweep, or of a shard, as they are finished: a line that says which sweep, then a line a point, in any
 * order. What is on the disk stays; a line that its writer did not finish is none.
 */
import { basename, dirname, join } from "node:path";
import { MOST_COMBINATIONS } from "../../core/input/limits.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { writeFileAtomically } from "../../io/atomic-file.ts";
import { checkKnownVersion, checkSchema, faultCollector, InputError } from "../../io/faults.ts";
import { parseNamedJson } from "../../io/json.ts";
import { type LineFile, openLines } from "../../io/line-file.ts";
import { listDirectory, readBytes } from "../../io/read-file.ts";
import { precompiled } from "../../io/validators/program.ts";
import { type SweepPoint, SweepPointSchema } from "../../report/sweep/sweep-points.ts";
import type { Shard } from "./points.ts";

const VERSION = "1.1";
const NAME = /^points(-\d+-of-\d+)?\.jsonl$/;

const HeaderSchema = Type.Object(
  {
    sweep: Type.Literal(VERSION),
    /** Of the spec, the configs, the traces and the models. */
    sha256: Type.String(),
    points: Type.Integer({ minimum: 1, maximum: MOST_COMBINATIONS, description: "Of the whole sweep." }),
  },
  { additionalProperties: false },
);
const LineSchema = Type.Object(
  { index: Type.Integer({ minimum: 0 }), ...SweepPointSchema.properties },
  { additionalProperties: false },
);
precompiled(HeaderSchema, LineSchema, SweepPointSchema);

/** Which sweep a file is of. */
export type SweepIdentity = Omit<Static<typeof HeaderSchema>, "sweep">;
/** A finished point and its place in the result. */
export type FinishedPoint = Static<typeof LineSchema>;

/** Path of the points of a sweep, or of one of its shards, in the folder `out`. */
export function pointsPath(out: string, shard: Shard | undefined): string {
  return join(out, shard === undefined ? "points.jsonl" : `points-${shard.part}-of-${shard.of}.jsonl`);
}

/** A file of points that grows, and the places of those that it holds. */
export interface OpenPoints {
  readonly file: LineFile;
  readonly finished: ReadonlySet<number>;
}

/** Opens the points of a sweep to resume it, or starts them. @throws Error for a file of another sweep, or a corrupt one. */
export async function openPoints(path: string, identity: SweepIdentity): Promise<OpenPoints> {
  const before = await readPoints(path);
  if (before !== undefined && before.identity.sha256 !== identity.sha256) {
    throw new InputError([
      `${path}: is of another sweep: its spec, configs, traces or models differ; valid: another folder, or remove it`,
    ]);
  }
  const file = await openLines(path, before === undefined ? 0 : Number.POSITIVE_INFINITY);
  if (before === undefined) await file.append(JSON.stringify({ sweep: VERSION, ...identity }));
  return { file, finished: new Set(before?.points.map(({ index }) => index)) };
}

/** Undefined where there is no file, or its writer did not finish the first line. */
async function readPoints(
  path: string,
): Promise<{ readonly identity: SweepIdentity; readonly points: readonly FinishedPoint[] } | undefined> {
  const folder = await listDirectory(dirname(path)).catch((): string[] => []);
  if (!folder.includes(basename(path))) return undefined;
  const lines = linesOf((await readBytes(path)).bytes);
  if (lines.length === 0) return undefined;
  const parsed = lines.map((line, at) => parseNamedJson(line, `${path}: line ${at + 1}`));
  checkKnownVersion(parsed[0], "sweep", [VERSION], `${path}: line 1`);
  const { sweep: _, ...identity } = checkSchema(HeaderSchema, parsed[0], `${path}: line 1`);
  const points = parsed.slice(1).map((line, at) => checkSchema(LineSchema, line, `${path}: line ${at + 2}`));
  const beyond = points.findIndex(({ index }) => index >= identity.points);
  if (beyond >= 0) {
    throw new InputError([
      `${path}: line ${beyond + 2}: index: must be < ${identity.points}, the points of the sweep, got ${points[beyond].index}`,
    ]);
  }
  return { identity, points };
}

/**
 * The result of a sweep from the files of points in `folders`, one line a point in the order of the spec.
 * @throws Error where there are none, they are of several sweeps, or points are missing.
 */
export async function mergedPoints(folders: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of folders) {
    for (const name of await listDirectory(folder)) if (NAME.test(name)) paths.push(join(folder, name));
  }
  let identity: SweepIdentity | undefined;
  const lines: string[] = [];
  for (const path of paths) {
    const read = await readPoints(path);
    if (read === undefined) continue;
    identity ??= read.identity;
    if (read.identity.sha256 !== identity.sha256)
      throw new InputError([`${path}: is of another sweep than ${paths[0]}`]);
    for (const { index, ...point } of read.points) {
      const line = JSON.stringify(point);
      if (lines[index] !== undefined && lines[index] !== line)
        throw new InputError([`${path}: point ${index} is two things`]);
      lines[index] = line;
    }
  }
  if (identity === undefined)
    throw new InputError([`${folders.join(", ")}: no points of a sweep; valid: folders of sweeps`]);
  const { points } = identity;
  const missing = Array.from({ length: points }, (_, index) => index).filter((index) => lines[index] === undefined);
  if (missing.length > 0) {
    throw new InputError([
      `${paths.join(", ")}: ${missing.length} of ${points} points are missing, the first is ${missing[0]}; run the other shards, or resume these`,
    ]);
  }
  return lines;
}

/** Lines of the result from those of a file of points, which come in any order; a point that stands there twice counts once. */
export function inOrder(lines: readonly string[]): string[] {
  const points = new Map(lines.map((line) => JSON.parse(line) as FinishedPoint).map((point) => [point.index, point]));
  return [...points.values()].sort((a, b) => a.index - b.index).map(({ index: _, ...point }) => JSON.stringify(point));
}

/** Writes the result of a sweep. */
export async function writeSweep(path: string, lines: readonly string[]): Promise<void> {
  await writeFileAtomically(path, lines.map((line) => `${line}\n`).join(""));
}

/** Reads the result of a sweep, which is finished. @throws InputError with the faults of all lines; Error where it cannot be read. */
export async function readSweep(path: string): Promise<SweepPoint[]> {
  const { faults, attempt } = faultCollector();
  const lines = new TextDecoder().decode((await readBytes(path)).bytes).split("\n");
  if (lines[0].startsWith('{"sweep":')) {
    throw new InputError([
      `${path}: holds points as they came; valid: sweep.jsonl, which the sweep writes at its end, or sweep merge`,
    ]);
  }
  const points = lines.flatMap((line, at) => {
    const where = `${path}: line ${at + 1}`;
    return line.trim() === ""
      ? []
      : (attempt(() => checkSchema(SweepPointSchema, parseNamedJson(line, where), where)) ?? []);
  });
  if (points.length === 0 && faults.length === 0) faults.push(`${path}: has no point`);
  if (faults.length > 0) throw new InputError(faults);
  return points;
}

/** Whole lines of a file that grows. */
function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).split("\n").slice(0, -1);
}
