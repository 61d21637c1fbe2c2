/**
 * Request-level model of DRAM, one burst at a time: channels (channel.ts) schedule waiting requests by the device's timings
 * (timing-constraints.ts). One stream in order feeds all channels, so that a full channel holds up the others, as one DMA
 * engine would.
 */
import { burstFields } from "./address-map.ts";
import { Channel, ChannelModel, DRAM_STALLS, type DramStall } from "./channel.ts";
import type { DramDevice } from "./device.ts";

/** Requests that the stream hands over in one cycle. */
const INJECTED_PER_CYCLE = 8;

/** What a list of requests took. */
export interface RequestResult {
  /** Until the last data, in cycles of the device. */
  readonly cycles: number;
  readonly bytesPerSecond: number;
  /** Requests to an open row, to a bank without one, and to a bank with another one. */
  readonly hits: number;
  readonly misses: number;
  readonly conflicts: number;
  readonly activations: number;
  readonly reads: number;
  readonly writes: number;
  /** Cycles with data on a bus, of all channels; with `stalls` they sum to cycles × channels. */
  readonly busy: number;
  readonly stalls: Readonly<Record<DramStall, number>>;
  /** Cycles from arrival in the channel's window to the end of the data, in the order of the requests. */
  readonly latencies?: Float64Array;
}

/** How requests are given. */
export interface RequestOptions {
  /** Earliest cycle of each request, ascending; all are ready at cycle 0 if absent. */
  readonly arrivals?: Float64Array;
  readonly latencies?: boolean;
}

/**
 * Runs one burst for each of `addresses` (bytes), a write where `writes` is not 0.
 * @throws Error if the lists differ in length.
 */
export function simulateRequests(
  device: DramDevice,
  addresses: Float64Array | Uint32Array,
  writes: Uint8Array,
  options: RequestOptions = {},
): RequestResult {
  const { arrivals } = options;
  const total = addresses.length;
  if (writes.length !== total || (arrivals !== undefined && arrivals.length !== total)) {
    throw new Error(
      `requests: addresses, writes and arrivals differ in length, got ${total}, ${writes.length}, ${arrivals?.length ?? total}`,
    );
  }
  const latencies = options.latencies ? new Float64Array(total) : undefined;
  const model = new ChannelModel(device);
  const channels = Array.from({ length: device.channels }, () => new Channel(model, latencies));
  feedChannels(channels, device, addresses, writes, arrivals);
  for (const channel of channels) while (!channel.isEmpty) channel.issue();
  const cycles = Math.max(...channels.map(({ dataEnd }) => dataEnd));
  for (const channel of channels) channel.finish(cycles);
  return { ...countsOf(channels, device, total, cycles), ...(latencies === undefined ? {} : { latencies }) };
}

/** Hands the requests over in their order, each to its channel, which issues others until there is room. */
function feedChannels(
  channels: readonly Channel[],
  device: DramDevice,
  addresses: ArrayLike<number>,
  writes: Uint8Array,
  arrivals: Float64Array | undefined,
): void {
  const { addressOrder, fieldSizes, burstBytes, bankGroups, banksPerGroup } = device;
  const { ch, ra, bg, ba, ro } = burstFields(addressOrder, fieldSizes);
  let injected = 0;
  for (let request = 0; request < addresses.length; request++) {
    const burst = Math.floor(addresses[request] / burstBytes);
    const bank = (ra.of(burst) * bankGroups + bg.of(burst)) * banksPerGroup + ba.of(burst);
    injected = Math.max(injected, Math.floor(request / INJECTED_PER_CYCLE), arrivals?.[request] ?? 0);
    const write = writes[request] === 0 ? 0 : 1;
    const channel = channels[ch.of(burst)];
    while (channel.lists.isFull(write)) injected = Math.max(injected, channel.issue());
    channel.accept(write, bank, request, ro.of(burst), injected);
  }
}

function countsOf(
  channels: readonly Channel[],
  { burstBytes, burstCycles, clockHz }: DramDevice,
  total: number,
  cycles: number,
): RequestResult {
  const sum = (count: (channel: Channel) => number) => channels.reduce((all, channel) => all + count(channel), 0);
  const [hits, misses, writes] = [sum(({ hits }) => hits), sum(({ misses }) => misses), sum(({ written }) => written)];
  const stalls = DRAM_STALLS.map((name, cause) => [name, sum((channel) => channel.stalls[cause])]);
  return {
    cycles,
    bytesPerSecond: cycles === 0 ? 0 : (total * burstBytes * clockHz) / cycles,
    hits,
    misses,
    conflicts: total - hits - misses,
    activations: sum(({ activations }) => activations),
    reads: total - writes,
    writes,
    busy: total * burstCycles,
    stalls: Object.fromEntries(stalls) as Record<DramStall, number>,
  };
}
