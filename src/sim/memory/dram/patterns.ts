/** Lists of requests that stand for real traffic: streams, scattered chunks, and the transfers of tiles. */
import seedrandom from "seedrandom";
import type { DramDevice } from "./device.ts";

/** One burst an entry: its address in bytes, and 1 where it is written. */
export interface RequestList {
  readonly addresses: Float64Array;
  readonly writes: Uint8Array;
}

/** What a tile moves: several streams of contiguous chunks, whose chunks lie anywhere. Bytes are those that are asked for. */
export interface TrafficPattern {
  readonly readBytes: number;
  readonly writeBytes: number;
  /** Bytes of one contiguous run, as a row of a tile. */
  readonly chunkBytes: number;
  /** Bursts that carry the bytes; by default those of equal chunks, each of which begins with a burst. */
  readonly bursts?: number;
  /** Tensors that are moved at the same time; they take turns of at most TURN_BYTES. */
  readonly streams: number;
}

/** One stream: a tensor in runs of `runBytes`, more than 0. */
export interface Transfer {
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly runBytes: number;
}

/** Streams that move at the same time, taken together. They move at least one byte. */
export function mergedPattern(transfers: readonly Transfer[], burstBytes: number): TrafficPattern {
  let [readBytes, writeBytes, runs, bursts] = [0, 0, 0, 0];
  for (const transfer of transfers) {
    readBytes += transfer.readBytes;
    writeBytes += transfer.writeBytes;
    const count = (transfer.readBytes + transfer.writeBytes) / transfer.runBytes;
    runs += count;
    bursts += count * Math.ceil(transfer.runBytes / burstBytes);
  }
  return { readBytes, writeBytes, chunkBytes: (readBytes + writeBytes) / runs, bursts, streams: transfers.length };
}

/** Bursts of a pattern: DRAM moves nothing less. */
export function burstsOf({ readBytes, writeBytes, chunkBytes, bursts }: TrafficPattern, burstBytes: number): number {
  return bursts ?? ((readBytes + writeBytes) / chunkBytes) * Math.ceil(chunkBytes / burstBytes);
}

/** Share of what a pattern moves that was asked for, 0..1. */
export function usefulShare(pattern: TrafficPattern, burstBytes: number): number {
  return (pattern.readBytes + pattern.writeBytes) / (burstsOf(pattern, burstBytes) * burstBytes);
}

/** Bursts of one chunk, on average; at least 1. */
export function chunkBursts(pattern: TrafficPattern, burstBytes: number): number {
  return Math.max(1, pattern.chunkBytes / (usefulShare(pattern, burstBytes) * burstBytes));
}

/** A burst of a DMA engine on the interconnect: what one stream sends before the next has its turn. */
export const TURN_BYTES = 256;

/** Streams of reads and of writes: shares of `streams` like their bytes, at least one of each kind that there is. */
export function splitStreams({ readBytes, writeBytes, streams }: TrafficPattern): readonly [number, number] {
  if (writeBytes === 0) return [streams, 0];
  if (readBytes === 0) return [0, streams];
  const written = Math.min(
    Math.max(1, Math.round((streams * writeBytes) / (readBytes + writeBytes))),
    Math.max(1, streams - 1),
  );
  return [Math.max(1, streams - written), written];
}

/** The first `count` bursts of a pattern, with chunks at places drawn from `seed`. */
export function tileRequests(device: DramDevice, pattern: TrafficPattern, count: number, seed: string): RequestList {
  const { burstBytes, capacityBytes } = device;
  const random = seedrandom(seed);
  const chunk = Math.round(chunkBursts(pattern, burstBytes));
  const turn = Math.min(chunk, Math.max(1, TURN_BYTES / burstBytes));
  const places = Math.floor(capacityBytes / (chunk * burstBytes));
  const streamsOf = splitStreams(pattern);
  const place = () => Math.floor(random() * places) * chunk;
  const [reads, writes] = streamsOf.map((streams) => ({
    start: Float64Array.from({ length: streams }, place),
    done: new Int32Array(streams),
    next: 0,
  }));
  const list = { addresses: new Float64Array(count), writes: new Uint8Array(count) };
  const writeShare = pattern.writeBytes / (pattern.readBytes + pattern.writeBytes);
  let written = 0;
  for (let burst = 0; burst < count; ) {
    const isWrite = written + turn / 2 < writeShare * (burst + turn);
    const kind = isWrite ? writes : reads;
    const stream = kind.next;
    kind.next = (stream + 1) % kind.start.length;
    for (let sent = 0; sent < turn && burst < count; sent++, burst++) {
      if (kind.done[stream] === chunk) {
        kind.done[stream] = 0;
        kind.start[stream] = place();
      }
      list.addresses[burst] = (kind.start[stream] + kind.done[stream]++) * burstBytes;
      list.writes[burst] = isWrite ? 1 : 0;
      if (isWrite) written++;
    }
  }
  return list;
}
