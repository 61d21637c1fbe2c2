/**
 * What feeding one operation costs. The first tiles come in, level by level, and the last tile goes out while nothing else
 * works; in between, compute, DRAM and the ports of every level overlap (double buffering), so that the slowest of them
 * decides over the bytes that are left; latencies come on top. Of the tilings that `tiling.ts` leaves, the one with least
 * cycles is taken, then the one that moves least over DRAM, then over all levels; bitmaps count by their mean until it is chosen.
 */
import { type BandwidthLoss, effectiveBandwidth } from "./dram/closed-form.ts";
import { burstsOf, mergedPattern, type Transfer } from "./dram/patterns.ts";
import type { MemoryNumbers, MemoryOperand } from "./hierarchy.ts";
import { type MaskedTask, withOwnNonzeros } from "./tiles/own-nonzeros.ts";
import { type LevelTiling, tilingsOf } from "./tiles/tiling.ts";

/** Bytes by tensor. */
type Bytes = Readonly<Partial<Record<MemoryOperand, number>>>;
type ByName = Readonly<Record<string, number>>;

/** An operation to feed: its tensors, and what the array does with them. */
export interface FeedTask extends MaskedTask {
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
  readonly traffic: Readonly<Record<string, ByName>>;
  /** The same of the output alone, by what it is. */
  readonly outputTraffic: Readonly<Record<string, OutputTraffic>>;
  /** Tensors whose traffic is a mean, by place. */
  readonly meanTraffic: Readonly<Record<string, MemoryOperand[]>>;
  /** Bytes read from and written to DRAM, in whole bursts, and each level, for energy: what crosses from one to another is both. */
  readonly accesses: Accesses;
  /** Tiles of each level, outermost first. */
  readonly tiles: readonly LevelTiling[];
  /** Null where nothing goes over DRAM, or only its bandwidth is known. */
  readonly dram: DramUse | null;
}

/** Bytes of an output over one interface: unfinished sums that come back and that leave, and finished values. */
interface OutputTraffic {
  readonly partialReads: number;
  readonly partialWrites: number;
  readonly results: number;
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
/** Name under which the reads and writes of the array, or of the vector unit, are counted. */
const ARRAY = "array";

/** Bytes over the ports of one memory, and how many it moves in a cycle. */
interface Port {
  readonly name: string;
  readonly bytesPerCycle: number;
  /** By tensor, without the first and last tiles. */
  readonly steady: Record<string, number>;
  read: number;
  written: number;
}

/** Ways through the levels that are worth a look, by what decides about them: machines share them. */
const known = new Map<string, (readonly LevelTiling[])[]>();
const MOST_KNOWN = 4096;

/** Feeds an operation whose array works for `compute` cycles. Every level has room for its smallest tile (`capacity.ts`). */
export function feed(task: FeedTask, memory: MemoryNumbers, compute: number): Feed {
  let best: Feed | undefined;
  for (const tiles of pathsOf(task, memory)) {
    const next = follow(task, memory, compute, tiles);
    if (best === undefined || isLess(next, best)) best = next;
  }
  const chosen = best as Feed;
  return task.bitmaps === undefined
    ? chosen
    : follow(task, memory, compute, withOwnNonzeros(task, memory, chosen.tiles));
}

function pathsOf(task: FeedTask, memory: MemoryNumbers): (readonly LevelTiling[])[] {
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

/** A tensor between two memories, numbered from outside: DRAM is 0. */
interface Crossing {
  readonly name: MemoryOperand;
  readonly from: number;
  readonly to: number;
  /** Crossings of the tensor further outside. */
  readonly hop: number;
  readonly reads: number;
  readonly writes: number;
  /** Of the first tile in, or the last one out. */
  readonly edgeBytes: number;
  /** Of a contiguous run in DRAM. */
  readonly runBytes: number;
  /** Whether the bytes are a mean. */
  readonly isMean: boolean;
}

/** A tensor moves between each level that holds it and the next one outside that does, if any; else DRAM. */
export function crossingsOf({ resident }: Pick<FeedTask, "resident">, tiles: readonly LevelTiling[]): Crossing[] {
  const outside = new Map<MemoryOperand, { place: number; hop: number }>();
  for (const name of resident) outside.set(name, { place: 1, hop: 0 });
  return tiles.flatMap(({ reads, writes, edgeBytes, runBytes, means }, index) =>
    (Object.entries(edgeBytes) as [MemoryOperand, number][]).map(([name, bytes]) => {
      const { place, hop } = outside.get(name) ?? { place: 0, hop: 0 };
      const to = index + 1;
      outside.set(name, { place: to, hop: hop + 1 });
      return {
        name,
        from: place,
        to,
        hop,
        reads: reads[name] ?? 0,
        writes: writes[name] ?? 0,
        edgeBytes: bytes,
        runBytes: runBytes[name] ?? 0,
        isMean: means.includes(name),
      };
    }),
  );
}

/** Costs of one way through the levels. */
function follow(task: FeedTask, memory: MemoryNumbers, compute: number, tiles: readonly LevelTiling[]): Feed {
  const crossings = crossingsOf(task, tiles);
  const use = dramUse(memory, transfersOf(crossings));
  const ports = portsOf(memory, use);
  const traffic: Record<string, Record<string, number>> = {};
  const outputTraffic: Record<string, OutputTraffic> = {};
  const meanTraffic: Record<string, MemoryOperand[]> = {};
  for (const { name } of ports) traffic[name] = {};
  const innermost = new Map<MemoryOperand, Port>();
  for (const name of task.resident) innermost.set(name, ports[1]);
  for (const { name, from, to, reads, writes, edgeBytes, isMean } of crossings) {
    // The interface of DRAM is the one of the outermost level that holds the tensor.
    for (const place of from === 0 ? [DRAM, ports[to].name] : [ports[to].name]) {
      if (isMean) meanTraffic[place] = [...(meanTraffic[place] ?? []), name];
      // What comes back has left before.
      if (name === "output")
        outputTraffic[place] = { partialReads: reads, partialWrites: reads, results: writes - reads };
    }
    pass(ports[from], ports[to], name, reads);
    pass(ports[to], ports[from], name, writes);
    for (const port of [ports[from], ports[to]]) add(port.steady, name, -edgeBytes);
    if (from === 0) add(traffic[DRAM], name, reads + writes);
    add(traffic[ports[to].name], name, reads + writes);
    innermost.set(name, ports[to]);
  }
  for (const [name, bytes] of Object.entries(task.arrayBytes) as [MemoryOperand, number][]) {
    const port = innermost.get(name) as Port;
    add(port.steady, name, bytes);
    port[name === "output" ? "written" : "read"] += bytes;
  }

  const stalls = new Stalls();
  addEdges(stalls, crossings, ports);
  stalls.wait(ports, compute);
  for (const { name, readLatency, writeLatency } of memory.levels) {
    stalls.add(name, "latency", readLatency + writeLatency);
  }
  return {
    stall: stalls.total,
    stalls: stalls.byPlace,
    traffic: { ...traffic, [ARRAY]: task.arrayBytes as ByName },
    outputTraffic,
    meanTraffic,
    accesses: accessesOf(ports, use),
    tiles,
    dram: use,
  };
}

/** First tiles on their way in, then the last one out: one memory after the other, all tensors at once as far as they share no port. */
function addEdges(stalls: Stalls, crossings: readonly Crossing[], ports: readonly Port[]): void {
  const stages = new Map<string, Crossing[]>();
  for (const crossing of crossings) {
    const key = `${crossing.name === "output"} ${crossing.hop}`;
    stages.set(key, [...(stages.get(key) ?? []), crossing]);
  }
  for (const stage of stages.values()) {
    let longest = { port: ports[0], cycles: 0, bytes: {} };
    ports.forEach((port, place) => {
      const here = stage.filter(({ from, to }) => from === place || to === place);
      const bytes = Object.fromEntries(here.map(({ name, edgeBytes }) => [name, edgeBytes]));
      const cycles = Math.floor(total(bytes) / port.bytesPerCycle);
      if (cycles > longest.cycles) longest = { port, cycles, bytes };
    });
    stalls.share(longest.port.name, longest.bytes, longest.cycles);
  }
}

/** What of an operation goes over DRAM. */
export function transfersOf(crossings: readonly Crossing[]): Transfer[] {
  return crossings
    .filter(({ from, reads, writes }) => from === 0 && reads + writes > 0)
    .map(({ reads, writes, runBytes }) => ({ readBytes: reads, writeBytes: writes, runBytes }));
}

/** What transfers reach of a known part. */
function dramUse({ device }: MemoryNumbers, transfers: readonly Transfer[]): DramUse | null {
  if (device === null || transfers.length === 0) return null;
  const pattern = mergedPattern(transfers, device.burstBytes);
  const { share, losses, activationsPerBurst } = effectiveBandwidth(device, pattern);
  return { share, losses, activations: Math.ceil(burstsOf(pattern, device.burstBytes) * activationsPerBurst) };
}

/** A tensor of an operation that does not multiply. */
export interface Moved {
  readonly bytes: number;
  readonly isWritten: boolean;
  /** The level that the vector unit reads and writes it in. */
  readonly level: number;
  /** Whether it stays there; else it comes from DRAM or goes there. */
  readonly isResident: boolean;
}

/** Moves the tensors of an operation that keeps the vector unit busy for `cycles`. */
export function move(
  tensors: readonly Moved[],
  memory: MemoryNumbers,
  cycles: number,
): Omit<Feed, "tiles" | "outputTraffic" | "meanTraffic"> {
  const sum = (some: readonly Moved[]) => some.reduce((total, { bytes }) => total + bytes, 0);
  const offChip = tensors.filter(({ isResident }) => !isResident);
  const [readBytes, writeBytes] = [false, true].map((written) =>
    sum(offChip.filter(({ isWritten }) => isWritten === written)),
  );
  // Whole tensors, one after the other.
  const transfers = [
    { readBytes, writeBytes: 0, runBytes: readBytes },
    { readBytes: 0, writeBytes, runBytes: writeBytes },
  ].filter(({ runBytes }) => runBytes > 0);
  const use = dramUse(memory, transfers);
  const ports = portsOf(memory, use);
  const [dram] = ports;
  const nothing = () => ({ read: 0, written: 0 });
  const traffic: Record<string, ReturnType<typeof nothing>> = { [DRAM]: { read: readBytes, written: writeBytes } };
  const array = nothing();
  for (const { bytes, isWritten, level, isResident } of tensors) {
    const name = isWritten ? "written" : "read";
    const port = ports[level + 1];
    traffic[port.name] ??= nothing();
    if (!isResident) {
      traffic[port.name][name] += bytes;
      pass(isWritten ? port : dram, isWritten ? dram : port, name, bytes);
    }
    add(port.steady, name, bytes);
    port[name] += bytes;
    array[name] += bytes;
  }
  const stalls = new Stalls();
  stalls.wait(ports, cycles);
  return {
    stall: stalls.total,
    stalls: stalls.byPlace,
    traffic: { ...traffic, [ARRAY]: array },
    accesses: accessesOf(ports, use),
    dram: use,
  };
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
    for (const [name, part] of Object.entries(bytes)) {
      passed += part;
      const upTo = passed === sum ? cycles : Math.floor((cycles * passed) / sum);
      this.add(place, name, upTo - given);
      given = upTo;
    }
  }

  /** What the slowest of the ports takes beyond the cycles that the array or the vector unit works. */
  wait(ports: readonly Port[], cycles: number): void {
    let [slowest, longest] = [ports[0], cycles];
    for (const port of ports) {
      const taken = Math.ceil(total(port.steady) / port.bytesPerCycle);
      if (taken > longest) [slowest, longest] = [port, taken];
    }
    this.share(slowest.name, slowest.steady, longest - cycles);
  }
}

/** DRAM at what it reaches, and the levels. */
function portsOf({ levels, dramBytesPerCycle }: MemoryNumbers, use: DramUse | null): Port[] {
  const dram = { name: DRAM, bytesPerCycle: dramBytesPerCycle * (use?.share ?? 1) };
  return [dram, ...levels].map(({ name, bytesPerCycle }) => ({ name, bytesPerCycle, steady: {}, read: 0, written: 0 }));
}

function pass(from: Port, to: Port, name: string, bytes: number): void {
  from.read += bytes;
  to.written += bytes;
  add(from.steady, name, bytes);
  add(to.steady, name, bytes);
}

function accessesOf(ports: readonly Port[], use: DramUse | null): Accesses {
  return Object.fromEntries(
    ports.map(({ name, read, written }, place) => {
      const moved = place === 0 && use !== null ? 1 + use.losses.partialBursts / use.share : 1;
      return [name, { read: Math.round(read * moved), written: Math.round(written * moved) }];
    }),
  );
}

function add(bytes: Record<string, number>, name: string, more: number): void {
  bytes[name] = (bytes[name] ?? 0) + more;
}

/** Sum over tensors. */
export function total(bytes: ByName): number {
  let sum = 0;
  for (const name in bytes) sum += bytes[name];
  return sum;
}
