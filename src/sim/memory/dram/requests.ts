/**
 * Request-level model of DRAM, one burst at a time. Each channel keeps the open row and the earliest next command of each
 * bank, the four last activations of each rank, and a window of waiting requests, of which the one whose data command (CAS)
 * is legal first goes next: FR-FCFS as DRAMsim3 and Ramulator schedule, without their tick of every cycle. One stream in
 * order feeds all channels, so that a full channel holds up the others, as one DMA engine would.
 *
 *     hit             CAS ≥ the bank's tRCD, and what the last CAS leaves (tCCD, tWTR, turnaround, tRTRS)
 *     closed row      ACT ≥ tRP after PRE, tRC, tRRD, tFAW of the rank, end of the refresh; CAS ≥ ACT + tRCD
 *     another row     PRE ≥ tRAS after ACT, tRTP after a read, CWL + BL + tWR after a write; then as a closed row
 */
import { decodeBurst } from "./address-map.ts";
import type { DramDevice } from "./device.ts";

/** Requests of a kind that a channel holds: as DRAMsim3's queues, so many of each bank and so many beyond those. */
export const BANK_QUEUE = 8;
export const SHARED_QUEUE = 32;
/** Writes wait until there are so many, and then go together. */
export const WRITE_BATCH = 32;
/** Requests that the stream hands over in one cycle. */
const INJECTED_PER_CYCLE = 8;
/** Cycles for which the command bus of a channel is remembered; a power of two beyond any precharge before its CAS. */
const COMMANDS = 256;
/** Activations that tFAW counts. */
const ACTIVATION_WINDOW = 4;
/** Bubble between read data and write data on the bus, as DRAMsim3 counts it: tRPRE + tRTRS. */
const READ_TO_WRITE_BUBBLE = 2;

/** Why the data bus of a channel carried no data. */
export const DRAM_STALLS = ["bankGroup", "activation", "row", "turnaround", "refresh", "queue"] as const;
/**
 * One of them. bankGroup: tCCD_L beyond the burst; activation: tFAW and tRRD; row: precharge and activation of the bank;
 * turnaround: between reads and writes, and between ranks; queue: no request had arrived, or the channel had finished.
 */
export type DramStall = (typeof DRAM_STALLS)[number];
const [BANK_GROUP, ACTIVATION, ROW, TURNAROUND, REFRESH, QUEUE] = DRAM_STALLS.keys();

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
  const { channels, ranks, bankGroups, banksPerGroup, burstCycles: BL, timing } = device;
  const { CL, CWL, tRCD, tRP, tRAS, tRC, tFAW, tRTP, tWR, tRFC, tREFI } = timing;
  const groupsOfChannel = ranks * bankGroups;
  const banksOfRank = bankGroups * banksPerGroup;
  const banksOfChannel = ranks * banksOfRank;
  const rankOfBank = Uint8Array.from({ length: banksOfChannel }, (_, bank) => Math.floor(bank / banksOfRank));
  const groupOfBank = Uint8Array.from({ length: banksOfChannel }, (_, bank) => Math.floor(bank / banksPerGroup));
  const spacing = Float64Array.from(casSpacing(device).flat(2));
  const relations = Uint8Array.from({ length: groupsOfChannel ** 2 }, (_, pair) => {
    const [a, b] = [Math.floor(pair / groupsOfChannel), pair % groupsOfChannel];
    return a === b ? 0 : Math.floor(a / bankGroups) === Math.floor(b / bankGroups) ? 1 : 2;
  });

  // State of all channels; times are the earliest cycle of the command.
  const banks = channels * banksOfChannel;
  const openRow = new Int32Array(banks).fill(-1);
  const casReady = new Float64Array(banks);
  const actReady = new Float64Array(banks);
  const preReady = new Float64Array(banks);
  const groups = channels * groupsOfChannel;
  /** For reads, then for writes. */
  const groupCas = new Float64Array(2 * groups);
  const groupAct = new Float64Array(groups);
  const rankCount = channels * ranks;
  const activations4 = new Float64Array(rankCount * ACTIVATION_WINDOW).fill(-Infinity);
  const oldest = new Uint8Array(rankCount);
  const refreshEnd = new Float64Array(rankCount);
  // Ranks refresh in turns.
  const nextRefresh = Float64Array.from({ length: rankCount }, (_, rank) =>
    Math.ceil((((rank % ranks) + 1) * tREFI) / ranks),
  );
  const dataEnd = new Float64Array(channels);
  const lastRank = new Int8Array(channels).fill(-1);
  const lastWrite = new Uint8Array(channels);

  // Waiting requests are linked lists in the order of arrival, one for the reads and one for the writes of each bank.
  const capacity = 2 * channels * (SHARED_QUEUE + BANK_QUEUE * banksOfChannel);
  const slotRequest = new Int32Array(capacity);
  const slotRow = new Int32Array(capacity);
  const slotArrival = new Float64Array(capacity);
  const next = Int32Array.from({ length: capacity }, (_, slot) => slot + 1);
  const writeToRead = CWL + BL + timing.tWTR_L;
  let free = 0;
  const head = new Int32Array(2 * banks).fill(-1);
  const tail = new Int32Array(2 * banks).fill(-1);
  const length = new Int32Array(2 * banks);
  /** The oldest request of a list to the open row, and the one before it in the list; −1 where there is none. */
  const hit = new Int32Array(2 * banks).fill(-1);
  const beforeHit = new Int32Array(2 * banks).fill(-1);
  /** Of each channel, reads and then writes: requests, and those beyond BANK_QUEUE of their bank. */
  const waiting = new Int32Array(2 * channels);
  const beyond = new Int32Array(2 * channels);
  /** Writes that are still to go in this batch, and when the next batch was complete. */
  const draining = new Int32Array(channels);
  const batchReady = new Float64Array(channels);

  const commands = new Float64Array(channels * COMMANDS).fill(-1);
  const latencies = options.latencies ? new Float64Array(total) : undefined;
  const stalls = new Float64Array(DRAM_STALLS.length);
  let hits = 0;
  let misses = 0;
  let activations = 0;
  let written = 0;
  let cycles = 0;

  /** Earliest activation of a bank of a channel for a request that arrived at `arrival`. */
  const earliestAct = (bank: number, rank: number, group: number, arrival: number): number => {
    const closed = openRow[bank] < 0 ? arrival : Math.max(arrival, preReady[bank]) + tRP;
    const window = activations4[rank * ACTIVATION_WINDOW + oldest[rank]] + tFAW;
    return Math.max(closed, actReady[bank], groupAct[group], window);
  };

  /** Takes the first free cycle of a channel's command bus from `time` on. */
  const commandSlot = (channel: number, time: number): number => {
    const first = channel * COMMANDS;
    let at = time;
    while (commands[first + (at & (COMMANDS - 1))] === at) at++;
    commands[first + (at & (COMMANDS - 1))] = at;
    return at;
  };

  /** Closes the rows of a rank and holds its banks until the refresh is over. */
  const refresh = (channel: number, rank: number): void => {
    const at = channel * ranks + rank;
    const first = channel * banksOfChannel + rank * banksOfRank;
    let start = nextRefresh[at];
    for (let bank = first; bank < first + banksOfRank; bank++) {
      start = Math.max(start, openRow[bank] < 0 ? actReady[bank] : Math.max(nextRefresh[at], preReady[bank]) + tRP);
    }
    for (let bank = first; bank < first + banksOfRank; bank++) {
      openRow[bank] = -1;
      hit[bank] = -1;
      hit[banks + bank] = -1;
      actReady[bank] = start + tRFC;
    }
    refreshEnd[at] = start + tRFC;
    nextRefresh[at] += tREFI;
  };

  /** Finds the oldest request to the open row of a list, from the one after `before` on. */
  const findHit = (list: number, bank: number, before: number): void => {
    let previous = before;
    let slot = before < 0 ? head[list] : next[before];
    while (slot >= 0 && slotRow[slot] !== openRow[bank]) {
      previous = slot;
      slot = next[slot];
    }
    hit[list] = slot;
    beforeHit[list] = previous;
  };

  let bestBank = -1;
  let bestIsHit = false;
  let bestCas = Infinity;
  let bestArrival = 0;

  /** Sets the `best…` variables to the read or write of a channel whose CAS is legal first, the older one of two. */
  const choose = (channel: number, write: number): void => {
    bestCas = Infinity;
    let bestRequest = 0;
    const firstBank = channel * banksOfChannel;
    const firstGroup = channel * groupsOfChannel;
    for (let inChannel = 0; inChannel < banksOfChannel; inChannel++) {
      const bank = firstBank + inChannel;
      const list = write * banks + bank;
      const first = head[list];
      if (first < 0) continue;
      const group = firstGroup + groupOfBank[inChannel];
      const busReady = groupCas[write * groups + group];
      if (busReady > bestCas) continue;
      const toOpenRow = hit[list];
      if (toOpenRow >= 0) {
        const time = Math.max(busReady, casReady[bank], slotArrival[toOpenRow]);
        if (time < bestCas || (time === bestCas && slotRequest[toOpenRow] < bestRequest)) {
          bestCas = time;
          bestBank = bank;
          bestIsHit = true;
          bestRequest = slotRequest[toOpenRow];
          bestArrival = slotArrival[toOpenRow];
        }
      }
      if (first !== toOpenRow) {
        const arrival = slotArrival[first];
        const act = earliestAct(bank, channel * ranks + rankOfBank[inChannel], group, arrival);
        const time = Math.max(busReady, act + tRCD);
        if (time < bestCas || (time === bestCas && slotRequest[first] < bestRequest)) {
          bestCas = time;
          bestBank = bank;
          bestIsHit = false;
          bestRequest = slotRequest[first];
          bestArrival = arrival;
        }
      }
    }
  };

  /** Issues the request of a channel that goes next; returns the cycle of its CAS. */
  const step = (channel: number): number => {
    const firstBank = channel * banksOfChannel;
    const firstGroup = channel * groupsOfChannel;
    const writesWaiting = waiting[channels + channel];
    let write = 0;
    for (;;) {
      write = draining[channel] > 0 ? 1 : 0;
      choose(channel, write);
      if (write === 0 && writesWaiting > 0) {
        const readArrival = waiting[channel] > 0 ? bestArrival : Infinity;
        if (writesWaiting >= WRITE_BATCH && bestCas >= batchReady[channel]) draining[channel] = WRITE_BATCH;
        if (draining[channel] > 0 || readArrival + CL > dataEnd[channel]) {
          choose(channel, 1);
          // A write that delays no read need not wait for a batch.
          if (draining[channel] > 0 || bestCas + writeToRead <= readArrival) write = 1;
          else choose(channel, 0);
        }
      }
      let due = -1;
      for (let rank = 0; rank < ranks; rank++) if (nextRefresh[channel * ranks + rank] <= bestCas) due = rank;
      if (due < 0) break;
      refresh(channel, due);
    }

    let cas = bestCas;
    const bank = bestBank;
    const isHit = bestIsHit;
    const list = write * banks + bank;
    const before = isHit ? beforeHit[list] : -1;
    const best = isHit ? hit[list] : head[list];
    const inChannel = bank - firstBank;
    const rankInChannel = rankOfBank[inChannel];
    const groupInChannel = groupOfBank[inChannel];
    const rank = channel * ranks + rankInChannel;
    const group = firstGroup + groupInChannel;
    const arrival = slotArrival[best];
    let cause = BANK_GROUP;
    if (lastWrite[channel] !== write || lastRank[channel] !== rankInChannel) cause = TURNAROUND;
    if (isHit) {
      hits++;
      if (casReady[bank] === cas) cause = ROW;
    } else {
      if (openRow[bank] < 0) misses++;
      let act = earliestAct(bank, rank, group, arrival);
      if (openRow[bank] >= 0) act = commandSlot(channel, act - tRP) + tRP;
      act = commandSlot(channel, act);
      if (act + tRCD >= cas) {
        cas = act + tRCD;
        const oldestAct = activations4[rank * ACTIVATION_WINDOW + oldest[rank]];
        cause = act === oldestAct + tFAW || act === groupAct[group] ? ACTIVATION : ROW;
        if (act === refreshEnd[rank]) cause = REFRESH;
      }
      openRow[bank] = slotRow[best];
      casReady[bank] = act + tRCD;
      preReady[bank] = act + tRAS;
      actReady[bank] = act + tRC;
      for (let other = 0; other < bankGroups; other++) {
        const at = firstGroup + rankInChannel * bankGroups + other;
        const next = act + (at === group ? timing.tRRD_L : timing.tRRD_S);
        if (next > groupAct[at]) groupAct[at] = next;
      }
      activations4[rank * ACTIVATION_WINDOW + oldest[rank]] = act;
      oldest[rank] = (oldest[rank] + 1) % ACTIVATION_WINDOW;
      activations++;
    }
    cas = commandSlot(channel, cas);
    const release = write ? cas + CWL + BL + tWR : cas + tRTP;
    if (release > preReady[bank]) preReady[bank] = release;
    for (let other = 0; other < groupsOfChannel; other++) {
      const at = firstGroup + other;
      const relation = relations[groupInChannel * groupsOfChannel + other];
      const nextRead = cas + spacing[write * 6 + relation];
      if (nextRead > groupCas[at]) groupCas[at] = nextRead;
      const nextWrite = cas + spacing[write * 6 + 3 + relation];
      if (nextWrite > groupCas[groups + at]) groupCas[groups + at] = nextWrite;
    }

    // Out of the list, and what that changes of the oldest hits.
    const after = next[best];
    if (before < 0) head[list] = after;
    else next[before] = after;
    if (tail[list] === best) tail[list] = before;
    next[best] = free;
    free = best;
    findHit(list, bank, before);
    if (!isHit) findHit((1 - write) * banks + bank, bank, -1);
    if (length[list]-- > BANK_QUEUE) beyond[write * channels + channel]--;
    waiting[write * channels + channel]--;
    if (draining[channel] > 0 && --draining[channel] === 0) batchReady[channel] = cas;

    const dataStart = cas + (write ? CWL : CL);
    const gap = dataStart - dataEnd[channel];
    const idle = Math.min(gap, Math.max(0, dataStart - cas + arrival - dataEnd[channel]));
    stalls[QUEUE] += idle;
    stalls[cause] += gap - idle;
    dataEnd[channel] = dataStart + BL;
    if (dataEnd[channel] > cycles) cycles = dataEnd[channel];
    lastRank[channel] = rankInChannel;
    lastWrite[channel] = write;
    written += write;
    if (latencies !== undefined) latencies[slotRequest[best]] = dataEnd[channel] - arrival;
    return cas;
  };

  const { addressOrder, fieldSizes, burstBytes } = device;
  let injected = 0;
  for (let request = 0; request < total; request++) {
    const { ch, ra, bg, ba, ro } = decodeBurst(addressOrder, fieldSizes, Math.floor(addresses[request] / burstBytes));
    injected = Math.max(injected, Math.floor(request / INJECTED_PER_CYCLE), arrivals?.[request] ?? 0);
    const write = writes[request] === 0 ? 0 : 1;
    const kind = write * channels + ch;
    while (beyond[kind] === SHARED_QUEUE) injected = Math.max(injected, step(ch));
    const bank = ch * banksOfChannel + (ra * bankGroups + bg) * banksPerGroup + ba;
    const list = write * banks + bank;
    const slot = free;
    free = next[slot];
    slotRequest[slot] = request;
    slotRow[slot] = ro;
    slotArrival[slot] = injected;
    next[slot] = -1;
    if (head[list] < 0) head[list] = slot;
    else next[tail[list]] = slot;
    if (hit[list] < 0) {
      if (ro === openRow[bank]) hit[list] = slot;
      else beforeHit[list] = slot;
    }
    if (hit[list] === slot) beforeHit[list] = tail[list];
    tail[list] = slot;
    if (++length[list] > BANK_QUEUE) beyond[kind]++;
    if (++waiting[kind] === WRITE_BATCH) batchReady[ch] = injected;
  }
  for (let channel = 0; channel < channels; channel++) {
    while (waiting[channel] + waiting[channels + channel] > 0) step(channel);
  }
  for (let channel = 0; channel < channels; channel++) stalls[QUEUE] += cycles - dataEnd[channel];

  return {
    cycles,
    bytesPerSecond: cycles === 0 ? 0 : (total * burstBytes * device.clockHz) / cycles,
    hits,
    misses,
    conflicts: total - hits - misses,
    activations,
    reads: total - written,
    writes: written,
    busy: total * BL,
    stalls: Object.fromEntries(DRAM_STALLS.map((name, index) => [name, stalls[index]])) as Record<DramStall, number>,
    ...(latencies === undefined ? {} : { latencies }),
  };
}

/** Least cycles from one CAS to the next: [first writes][second writes][same bank group, same rank, another rank]. */
export function casSpacing({ timing, burstCycles: BL }: DramDevice): readonly (readonly (readonly number[])[])[] {
  const { CL, CWL, tCCD_S, tCCD_L, tWTR_S, tWTR_L, tRTRS } = timing;
  const sameKind = [Math.max(tCCD_L, BL), Math.max(tCCD_S, BL), BL + tRTRS];
  const readToWrite = Math.max(1, CL + BL + READ_TO_WRITE_BUBBLE - CWL);
  const readToWriteOther = Math.max(1, CL + BL + tRTRS - CWL);
  const writeToReadOther = Math.max(1, CWL + BL + tRTRS - CL);
  return [
    [sameKind, [readToWrite, readToWrite, readToWriteOther]],
    [[CWL + BL + tWTR_L, CWL + BL + tWTR_S, writeToReadOther], sameKind],
  ];
}
