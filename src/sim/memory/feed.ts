/**
 * What feeding one operation costs. Compute, DRAM and the ports of every level overlap (double buffering), so that the
 * slowest of them decides; the first tiles in, the last tile out and latencies come on top. Of the tilings that are worth
 * a look the one with least cycles is taken, then the one that moves least over DRAM, then over all levels.
 */
import type { ConvGeometry } from "../../kernels/geometry.ts";
import { type BandwidthLoss, effectiveBandwidth } from "../dram/closed-form.ts";
import type { TrafficPattern } from "../dram/patterns.ts";
import type { Pass } from "../operation.ts";
import type { Held, MemoryNumbers } from "./hierarchy.ts";
import { INPUT_SIDE, nestShape, type Tile, WEIGHT_SIDE } from "./loop-nest.ts";
import { type LevelTiling, sidesOf, type TilingTask, tilingsOf } from "./tiling.ts";

/** Bytes by tensor. */
export type Bytes = Readonly<Partial<Record<Held, number>>>;
type ByName = Readonly<Partial<Record<string, number>>>;

/** An operation to feed: its tensors, and what the array does with them. */
export interface FeedTask extends TilingTask {
  /** Bytes that the array reads from, and as `output` writes to, the level next to it. */
  readonly arrayBytes: Bytes;
}

/** What it costs to feed an operation. */
export interface Feed {
  /** Cycles beyond compute; the sum of `stalls`. */
  readonly stall: number;
  /** Cycles by what was waited for (`dram`, or a level) and by tensor, or `latency`. */
  readonly stalls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Bytes over the interface of DRAM and of each level with what is outside of it, and of the array with what it reads from. */
  readonly traffic: Readonly<Record<string, Bytes>>;
  /** Bytes read from and written to DRAM and each level, for energy: what crosses from one to another is both. */
  readonly accesses: Accesses;
  /** Tiles of each level, outermost first. */
  readonly tiles: readonly LevelTiling[];
  /** Null where nothing goes over DRAM, or only its bandwidth is known. */
  readonly dram: DramUse | null;
}

/** What DRAM reaches while an operation is fed, where its part is known. */
export interface DramUse {
  /** Share of the peak, 0..1; with `losses` it sums to 1. */
  readonly share: number;
  readonly losses: Readonly<Record<BandwidthLoss, number>>;
  readonly activations: number;
}

/** Bytes by memory. */
export type Accesses = Readonly<Record<string, { readonly read: number; readonly written: number }>>;

/** Name of the memory outside the outermost level. */
export const DRAM = "dram";
/** Name under which the array's own reads and writes are counted. */
export const ARRAY = "array";

/** Bytes over the ports of one memory by tensor, and how many it moves in a cycle. */
interface Port {
  readonly name: string;
  readonly bytesPerCycle: number;
  readonly bytes: Partial<Record<string, number>>;
  read: number;
  written: number;
}

/** Ways through the levels that are worth a look, by what decides about them: machines share them. */
const known = new Map<string, LevelTiling[][]>();
const MOST_KNOWN = 4096;

/** Feeds an operation whose array works for `compute` cycles. @throws Error where a level is too small for any tile. */
export function feed(task: FeedTask, memory: MemoryNumbers, compute: number): Feed {
  let best: Feed | undefined;
  for (const tiles of pathsOf(task, memory)) {
    const next = follow(task, memory, compute, tiles);
    if (best === undefined || isLess(next, best)) best = next;
  }
  return best as Feed;
}

function pathsOf(task: FeedTask, memory: MemoryNumbers): LevelTiling[][] {
  const { pass, layer, geometry, bytes, partialBytes, resident } = task;
  const { levels, residentBytes } = memory;
  const rooms = levels.map((level, index) => (level.bytes - (index === 0 ? residentBytes : 0)) / 2);
  const terms = levels.map(({ holds, tiling }, index) => [rooms[index], [...holds], tiling]);
  const key = JSON.stringify([pass, geometry, bytes, partialBytes, [...resident], terms]);
  let paths = known.get(key);
  if (paths === undefined) {
    paths = tilingsOf({ pass, layer, geometry, bytes, partialBytes, resident }, levels, rooms);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, paths);
  }
  return paths;
}

function isLess(a: Feed, b: Feed): boolean {
  if (a.stall !== b.stall) return a.stall < b.stall;
  const [dramA, dramB] = [total(a.traffic[DRAM]), total(b.traffic[DRAM])];
  if (dramA !== dramB) return dramA < dramB;
  return everything(a) < everything(b);
}

function everything({ traffic }: Feed): number {
  return Object.values(traffic).reduce((sum, bytes) => sum + total(bytes), 0);
}

/** Costs of one way through the levels. */
function follow(task: FeedTask, memory: MemoryNumbers, compute: number, tiles: readonly LevelTiling[]): Feed {
  const { levels } = memory;
  const use = dramUse(memory, patternOf(task, tiles, memory));
  const dram: Port = {
    name: DRAM,
    bytesPerCycle: memory.dramBytesPerCycle * (use?.share ?? 1),
    bytes: {},
    read: 0,
    written: 0,
  };
  const ports = levels.map(
    ({ name, bytesPerCycle }): Port => ({ name, bytesPerCycle, bytes: {}, read: 0, written: 0 }),
  );
  const traffic: Record<string, Bytes> = { [DRAM]: dram.bytes };
  const stalls = new Stalls();

  // A tensor moves between each level that holds it and the next one outside that does, if any; else DRAM.
  const outside = new Map<Held, Port>();
  for (const name of task.resident) if (levels[0].holds.has(name)) outside.set(name, ports[0]);
  tiles.forEach(({ reads, writes, tileBytes }, index) => {
    const crossing: Partial<Record<Held, number>> = {};
    for (const name of Object.keys(tileBytes) as Held[]) {
      const from = outside.get(name) ?? dram;
      const [inward, outward] = [reads[name] ?? 0, writes[name] ?? 0];
      const bytes = inward + outward;
      pass(from, ports[index], inward);
      pass(ports[index], from, outward);
      crossing[name] = bytes;
      add(from.bytes, name, bytes);
      add(ports[index].bytes, name, bytes);
      const slower = from.bytesPerCycle < ports[index].bytesPerCycle ? from : ports[index];
      stalls.add(slower.name, name, Math.floor((tileBytes[name] ?? 0) / slower.bytesPerCycle));
      outside.set(name, ports[index]);
    }
    traffic[levels[index].name] = crossing;
  });
  for (const [name, bytes] of Object.entries(task.arrayBytes) as [Held, number][]) {
    const from = outside.get(name) ?? dram;
    add(from.bytes, name, bytes);
    if (name === "output") from.written += bytes;
    else from.read += bytes;
  }
  traffic[ARRAY] = task.arrayBytes;

  let slowest = dram;
  for (const port of ports) if (cyclesOf(port) > cyclesOf(slowest)) slowest = port;
  stalls.share(slowest.name, slowest.bytes, Math.max(0, cyclesOf(slowest) - compute));
  for (const { name, readLatency, writeLatency } of levels) stalls.add(name, "latency", readLatency + writeLatency);
  return {
    stall: stalls.total,
    stalls: stalls.byPlace,
    traffic,
    accesses: accessesOf([dram, ...ports]),
    tiles,
    dram: use,
  };
}

/** Channels that lie together in DRAM: activations are stored as [N][C / 32][H][W][32], as TensorRT's and oneDNN's layouts are. */
const CHANNEL_BLOCK = 32;

/** What goes over DRAM, in runs that are contiguous there: of weights, which only one op reads in tiles, whole tiles. */
export function patternOf(
  { geometry, resident, pass }: FeedTask,
  tiles: readonly LevelTiling[],
  memory: MemoryNumbers,
): TrafficPattern {
  const sides = sidesOf(pass);
  const seen = new Set<Held>(resident);
  let [readBytes, writeBytes, runs, streams] = [0, 0, 0, 0];
  tiles.forEach(({ tile, reads, writes, tileBytes }, index) => {
    for (const name of memory.levels[index].holds) {
      if (seen.has(name) || tileBytes[name] === undefined) continue;
      seen.add(name);
      const [read, written] = [reads[name] ?? 0, writes[name] ?? 0];
      readBytes += read;
      writeBytes += written;
      const side = sides.indexOf(name);
      const pieces = side === WEIGHT_SIDE ? 1 : piecesOf(side, tile, geometry, pass);
      runs += ((read + written) / Math.max(1, tileBytes[name] ?? 0)) * pieces;
      streams++;
    }
  });
  return { readBytes, writeBytes, chunkBytes: (readBytes + writeBytes) / Math.max(1, runs), streams };
}

/** Runs of a tile of activations: one for each image and block of channels, and for each row where rows are cut. */
function piecesOf(side: number, tile: Tile, g: ConvGeometry, pass: Pass): number {
  const [channels, all] = side === INPUT_SIDE ? [tile.channels, g.C] : [tile.filters, g.K];
  const { full } = nestShape(pass, g);
  const isWhole = tile.rows === full.rows && tile.columns === full.columns;
  if (isWhole && channels === all) return 1;
  const blocks = Math.max(1, Math.ceil(channels / CHANNEL_BLOCK));
  return tile.images * blocks * (tile.columns === full.columns ? 1 : tile.rows);
}

/** What a pattern reaches of a known part. */
function dramUse({ device }: MemoryNumbers, pattern: TrafficPattern): DramUse | null {
  const bytes = pattern.readBytes + pattern.writeBytes;
  if (device === null || bytes === 0) return null;
  const { share, losses, activationsPerBurst } = effectiveBandwidth(device, pattern);
  return { share, losses, activations: Math.ceil((bytes / device.burstBytes) * activationsPerBurst) };
}

/** Bytes of an operation that does not multiply, by where they are. */
export interface Moved {
  readonly onChip: number;
  readonly offChip: number;
}

/** Moves the tensors of an operation that keeps the vector unit busy for `cycles`. */
export function move(
  read: Moved,
  written: Moved,
  memory: MemoryNumbers,
  cycles: number,
): Pick<Feed, "stall" | "stalls" | "accesses" | "dram"> & {
  readonly traffic: Readonly<Record<string, Readonly<Record<string, number>>>>;
} {
  const {
    levels: [outermost],
    dramBytesPerCycle,
  } = memory;
  // Whole tensors, one after the other.
  const [readBytes, writeBytes] = [read.offChip, written.offChip];
  const chunkBytes = Math.max(readBytes, writeBytes);
  const streams = Number(readBytes > 0) + Number(writeBytes > 0);
  const use = dramUse(memory, { readBytes, writeBytes, chunkBytes, streams });
  const dram = {
    name: DRAM,
    bytesPerCycle: dramBytesPerCycle * (use?.share ?? 1),
    bytes: { read: readBytes, written: writeBytes },
  };
  const level = {
    name: outermost.name,
    bytesPerCycle: outermost.bytesPerCycle,
    bytes: { read: read.onChip + read.offChip, written: written.onChip + written.offChip },
  };
  const slowest = cyclesOf(level) > cyclesOf(dram) ? level : dram;
  const stalls = new Stalls();
  stalls.share(slowest.name, slowest.bytes, Math.max(0, cyclesOf(slowest) - cycles));
  // What comes from DRAM is written to the level before it is read, and the other way round.
  const through = read.offChip + written.offChip;
  const accesses = {
    [DRAM]: { read: read.offChip, written: written.offChip },
    [level.name]: {
      read: read.onChip + through,
      written: written.onChip + through,
    },
  };
  const traffic = { [DRAM]: dram.bytes, [level.name]: level.bytes };
  return { stall: stalls.total, stalls: stalls.byPlace, traffic, accesses, dram: use };
}

/** Stalls by place and tensor; none that is zero. */
class Stalls {
  readonly byPlace: Record<string, Record<string, number>> = {};
  total = 0;

  add(place: string, tensor: string, cycles: number): void {
    if (cycles === 0) return;
    this.byPlace[place] ??= {};
    this.byPlace[place][tensor] = (this.byPlace[place][tensor] ?? 0) + cycles;
    this.total += cycles;
  }

  /** Shares cycles in proportion to bytes, in whole cycles that add up. */
  share(place: string, bytes: ByName, cycles: number): void {
    const sum = total(bytes);
    let passed = 0;
    let given = 0;
    for (const [name, part = 0] of Object.entries(bytes)) {
      passed += part;
      const upTo = passed === sum ? cycles : Math.floor((cycles * passed) / sum);
      this.add(place, name, upTo - given);
      given = upTo;
    }
  }
}

function pass(from: Port, to: Port, bytes: number): void {
  from.read += bytes;
  to.written += bytes;
}

function accessesOf(ports: readonly Port[]): Accesses {
  return Object.fromEntries(ports.map(({ name, read, written }) => [name, { read, written }]));
}

function add(bytes: Partial<Record<string, number>>, name: string, more: number): void {
  bytes[name] = (bytes[name] ?? 0) + more;
}

function cyclesOf({ bytes, bytesPerCycle }: Pick<Port, "bytes" | "bytesPerCycle">): number {
  return Math.ceil(total(bytes) / bytesPerCycle);
}

/** Sum over tensors. */
export function total(bytes: ByName): number {
  let sum = 0;
  for (const name in bytes) sum += bytes[name] ?? 0;
  return sum;
}
