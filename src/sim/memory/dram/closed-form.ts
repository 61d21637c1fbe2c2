/**
 * Bandwidth that tile traffic reaches, in closed form, for whole networks where simulating every burst takes too long. A
 * channel spends on one burst the longest of three times, rounded off where they come near each other, and the turnarounds:
 *
 *     bus          BL, and tCCD_L where consecutive bursts stay in one bank group
 *     activation   max(tFAW / 4, tRRD) / ranks for each row opened
 *     bank         one bank's cycle for each row opened / banks
 *
 * and loses tRFC of every tREFI to refresh, what chunks in few channels leave idle of the others, and what a burst brings
 * beside the bytes that were asked for. Rows opened, bank groups and channels of a chunk follow from the address map. It is
 * compared with the request model in the tests.
 */

import { WRITE_BATCH } from "./channel.ts";
import type { DramDevice } from "./device.ts";
import { chunkBursts, splitStreams, type TrafficPattern, TURN_BYTES, usefulShare } from "./patterns.ts";
import { BANK_QUEUE, SHARED_QUEUE } from "./request-lists.ts";
import { casSpacing } from "./timing-constraints.ts";

/** Why a share of the peak is not reached. */
export const BANDWIDTH_LOSSES = [
  "bankGroup",
  "activation",
  "turnaround",
  "refresh",
  "channels",
  "partialBursts",
] as const;
/**
 * One of them: `channels` is what channels wait for others, as one stream feeds all; `partialBursts` what bursts bring that
 * nobody asked for; the others as in the request model.
 */
export type BandwidthLoss = (typeof BANDWIDTH_LOSSES)[number];

/** What a pattern reaches, in bytes that were asked for. */
export interface EffectiveBandwidth {
  readonly bytesPerSecond: number;
  /** Share of the peak, 0..1; with `losses` it sums to 1. */
  readonly share: number;
  readonly losses: Readonly<Record<BandwidthLoss, number>>;
  /** Rows opened for each burst. */
  readonly activationsPerBurst: number;
}

/** How sharply the longest of several times prevails: two equal ones take 2^(1/8) = 1.09 of either, as measured on random bursts. */
const SHARPNESS = 8;

/** By how many square roots of its share the fullest bank of a batch exceeds it; fitted to the request model. */
const SPREAD_OF_ROWS = 1.1;
/** Keeps times finite where a configuration refreshes all the time. */
const MOST_REFRESH = 0.99;
/** Bursts to a row that the queue gathers where another stream wants the same bank; fitted to the request model. */
const GATHERED = 3;
/** Share of those waits that is left where several streams go to bank groups of their own; fitted likewise. */
const SEVERAL_STREAMS = 0.6;
/** Bursts in one bank group of which half see no other group in the queue; fitted to the request model. */
const GROUP_RUN = { alone: 110, mixed: 70 };

/** Bandwidth of a pattern. The pattern moves at least one byte. */
export function effectiveBandwidth(device: DramDevice, pattern: TrafficPattern): EffectiveBandwidth {
  const { timing, burstCycles: BL, ranks, bankGroups, banksPerGroup } = device;
  const { tRCD, tRP, tRC, tRTP, tWR, CWL, tFAW, tRRD_S, tRFC, tREFI } = timing;
  const bytes = pattern.readBytes + pattern.writeBytes;
  const writeShare = pattern.writeBytes / bytes;
  const streams = splitStreams(pattern);
  const chunk = spread(device, chunkBursts(pattern, device.burstBytes));
  const burstsPerRow = keptOpen(device, chunk, streams[0] + streams[1]);

  const spacing = casSpacing(device);
  const [sameGroup, otherGroup] = spacing[0][0];
  const mixed = writeShare > 0 && writeShare < 1;
  const inOneGroup =
    (1 - writeShare) * oneGroupShare(device, chunk, streams[0], mixed) +
    writeShare * oneGroupShare(device, chunk, streams[1], mixed);
  const grouped = otherGroup + inOneGroup * (sameGroup - otherGroup);

  const banks = ranks * bankGroups * banksPerGroup;
  const perActivation = Math.max(tFAW / 4, tRRD_S) / ranks;
  const read = Math.max(tRC, tRCD + (burstsPerRow - 1) * BL + tRTP + tRP);
  const write = Math.max(tRC, tRCD + burstsPerRow * BL + CWL + tWR + tRP);
  const bank = ((1 - writeShare) * read + writeShare * write) / banks;
  const open = softMax([grouped, perActivation / burstsPerRow, bank / burstsPerRow]);

  // A batch of writes ends with the bank that has most of its rows. Few reads end few batches: they come in turns.
  const turn = Math.max(1, Math.min(chunk.bursts, TURN_BYTES / device.burstBytes));
  const batches = Math.min(writeShare / WRITE_BATCH, (1 - writeShare) / turn);
  const rowsPerBank = WRITE_BATCH / (burstsPerRow * banks);
  const batchEnd = (rowsPerBank + SPREAD_OF_ROWS * Math.sqrt(rowsPerBank)) * write;
  const bubble = spacing[0][1][1] + spacing[1][0][0] - 2 * BL;
  const turned = open + batches * (bubble + Math.max(0, batchEnd - WRITE_BATCH * open));

  // Ranks refresh in turns, so that only a single one stands still until its rows are open again.
  const refreshed = turned / (1 - Math.min(MOST_REFRESH, (tRFC + (ranks === 1 ? tRP + tRCD : 0)) / tREFI));
  const total = refreshed / channelShare(device, chunk, streams[0] + streams[1]);

  const busy = BL / total;
  const share = busy * usefulShare(pattern, device.burstBytes);
  return {
    bytesPerSecond: share * device.peakBytesPerSecond,
    share,
    losses: {
      bankGroup: (grouped - BL) / total,
      activation: (open - grouped) / total,
      turnaround: (turned - open) / total,
      refresh: (refreshed - turned) / total,
      channels: (total - refreshed) / total,
      partialBursts: busy - share,
    },
    activationsPerBurst: 1 / burstsPerRow,
  };
}

interface Spread {
  readonly bursts: number;
  /** Rows that the run opens. */
  readonly rows: number;
  readonly channels: number;
  /** Bursts that go to one channel before the run moves on to the next. */
  readonly visit: number;
  /** Consecutive bursts of a channel in one bank group. */
  readonly groupRun: number;
}

/** Walks the address map with a run of bursts that begins on a boundary. */
function spread(device: DramDevice, bursts: number): Spread {
  let rest = bursts;
  let rows = 1;
  let channels = 1;
  let visit = bursts;
  let groupRun = 1;
  let changesGroup = false;
  for (const field of device.addressOrder) {
    const size = device.fieldSizes[field];
    const covered = Math.min(rest, size);
    if (field !== "co") rows *= covered;
    if (field === "ch") {
      channels = covered;
      visit = bursts / rest;
    }
    if (field === "bg" && covered > 1) changesGroup = true;
    if (field !== "ch" && !changesGroup) groupRun *= covered;
    rest = Math.max(1, rest / size);
  }
  return { bursts, rows, channels, visit, groupRun };
}

/** Bursts that one activation serves, where streams close each other's rows. */
function keptOpen(device: DramDevice, chunk: Spread, streams: number): number {
  const bursts = chunk.bursts / chunk.rows;
  const places = Math.max(
    1,
    (device.channels * device.ranks * device.bankGroups * device.banksPerGroup) /
      Math.min(chunk.rows, device.channels * device.bankGroups),
  );
  const conflicting = 1 - (1 - 1 / places) ** (streams - 1);
  const gathered = Math.min(bursts, GATHERED);
  return 1 / ((1 - conflicting) / bursts + conflicting / gathered);
}

/** Share of bursts that follow another one of their bank group because the scheduler sees no other. */
function oneGroupShare(device: DramDevice, { groupRun }: Spread, streams: number, mixed: boolean): number {
  if (device.bankGroups === 1 || streams === 0) return 0;
  const alone = 1 / (1 + ((mixed ? GROUP_RUN.mixed : GROUP_RUN.alone) / groupRun) ** 2);
  return alone * (streams === 1 ? 1 : SEVERAL_STREAMS);
}

/** Share of the time that channels are busy, of chunks that each stay in some of them. */
function channelShare(device: DramDevice, chunk: Spread, streams: number): number {
  const perBank = chunk.bursts / chunk.rows;
  const most = SHARED_QUEUE + BANK_QUEUE * device.ranks * device.bankGroups * device.banksPerGroup;
  const queue = perBank > BANK_QUEUE ? Math.min(most, SHARED_QUEUE / (1 - BANK_QUEUE / perBank)) : most;
  // A run that fills the queue of one channel before it reaches the next uses them one after the other.
  const together = chunk.visit > queue ? 1 : chunk.channels;
  const sets = device.channels / together;
  if (sets <= 1) return 1;
  const load = streams / sets;
  const busiest = Math.max(1, load + Math.sqrt(2 * load * Math.log(sets)));
  const alone = Math.max(1, Math.min(sets, streams / busiest));
  const held = queue / (together === 1 ? chunk.visit : chunk.bursts / together);
  const overlap = 2 * held * Math.min(1, Math.sqrt(1.5 * held));
  return (alone + ((sets - alone) * overlap) / (overlap + sets - 1)) / sets;
}

function softMax(times: readonly number[]): number {
  const largest = Math.max(...times);
  return largest * times.reduce((sum, time) => sum + (time / largest) ** SHARPNESS, 0) ** (1 / SHARPNESS);
}
