/**
 * One chunk of the sparse weight gradient. Of each input channel the list that was saved of the chunk becomes one of pairs [byte
 * offset into a panel, value]; a list is read once for every three (panel, tap), each with 16 sums in registers.
 *
 * Jumps that are never taken (no list lies at the address of a panel) end blocks between the sums: see sparse-sums.ts.
 */

import { PAIR_BYTES, PhaseRecord, SUM_BYTES, WeightGradRecord } from "../../records/weight-grad";
import { madd } from "../madd";
import { firstPanelOf, panelsOf, storeSums } from "./panels";
import { spreadList } from "./saved-input";

/** Lists of all channels, then the sums panel by panel. */
export function sparseChunk(
  job: WeightGradRecord,
  phase: PhaseRecord,
  pixels: usize,
  count: usize,
  first: usize,
  last: usize,
  firstPanel: usize,
  lastPanel: usize,
  saved: usize,
  unit: usize,
): void {
  const lanes = job.lanes;
  const channels = job.groups * job.groupChannels;
  const channelSums = job.taps * SUM_BYTES;
  // The list of a channel: its end, then the pairs.
  const listBytes = (job.chunkPixels * lanes + 1) * PAIR_BYTES;
  const lists = job.pairs + unit * listBytes;
  let list = lists;
  for (let c = first; c < last; c++) {
    store<usize>(list, spreadList(load<usize>(saved + c * 4), pixels, lanes, list + 8));
    list += listBytes;
  }
  const taps = phase.taps;
  const tapCount = (phase.tapsEnd - taps) / PAIR_BYTES;
  // Three at a time of all (panel, tap), before channels: what they reach stays in the cache for all channels.
  const grads = job.grad;
  const panelBytes = job.gradPanel;
  const panelSums = channels * channelSums;
  const groupChannels = job.groupChannels;
  const end = lastPanel * tapCount;
  for (let i = firstPanel * tapCount; i < end; i += 3) {
    const second = min(i + 1, end - 1);
    const third = min(i + 2, end - 1);
    const a = distanceOf(taps, tapCount, i, panelBytes);
    const b = distanceOf(taps, tapCount, second, panelBytes);
    const c = distanceOf(taps, tapCount, third, panelBytes);
    const aSums = sumsOf(taps, tapCount, i, panelSums);
    const bSums = sumsOf(taps, tapCount, second, panelSums);
    const cSums = sumsOf(taps, tapCount, third, panelSums);
    let grad: usize = 0;
    let present: usize = 0;
    let groupEnd: usize = 0;
    list = lists;
    for (let channel = first; channel < last; channel++, list += listBytes) {
      if (channel >= groupEnd) {
        // Another group has other panels, perhaps one less.
        groupEnd = (channel / groupChannels + 1) * groupChannels;
        grad = grads + firstPanelOf(job, channel) * panelBytes;
        const all = min(end, panelsOf(job, channel) * tapCount);
        present = i < all ? min(3, all - i) : 0;
        if (present > 0) fetch(grad + a, pixels, count, lanes);
        if (present > 1) fetch(grad + b, pixels, count, lanes);
        if (present > 2) fetch(grad + c, pixels, count, lanes);
      }
      const pair = list + 8;
      const pairsEnd = load<usize>(list);
      if (pair === pairsEnd) continue;
      const sums = job.sums + channel * channelSums;
      if (present === 3) {
        threeTaps(pair, pairsEnd, grad + a, grad + b, grad + c, sums + aSums, sums + bSums, sums + cSums);
      } else if (present === 2) {
        twoTaps(pair, pairsEnd, grad + a, grad + b, sums + aSums, sums + bSums);
      } else if (present === 1) {
        oneTap(pair, pairsEnd, grad + a, sums + aSums);
      }
    }
  }
}

/** Bytes from the first panel of a group to the tap of (panel, tap) number i. */
function distanceOf(taps: usize, tapCount: usize, i: usize, panelBytes: usize): usize {
  return (i / tapCount) * panelBytes + load<usize>(taps + (i % tapCount) * PAIR_BYTES);
}

/** Bytes from the sums of a channel to those of (panel, tap) number i. */
function sumsOf(taps: usize, tapCount: usize, i: usize, panelSums: usize): usize {
  return (i / tapCount) * panelSums + load<usize>(taps + (i % tapCount) * PAIR_BYTES, 4) * SUM_BYTES;
}

/** Reads every 64 bytes of a chunk of a panel in order, so that the lists find them in the cache. */
function fetch(grad: usize, pixels: usize, count: usize, lanes: usize): void {
  const end = pixels + count * PAIR_BYTES;
  let sum = 0;
  for (; pixels < end; pixels += PAIR_BYTES) {
    let p = grad + load<usize>(pixels, 4);
    const pixelEnd = p + lanes * SUM_BYTES;
    for (; p < pixelEnd; p += SUM_BYTES) sum |= load<i32>(p);
  }
  // Keeps the loads: the end of the list of pixels is not an address of 0.
  if (end === 0) store<i32>(pixels, sum);
}

/**
 * Sums of a channel and 16 output channels at `count` taps or panels, a constant: the compiler drops the branches of those
 * that do not exist, and leaves each of the functions below without any.
 */
// @inline
function sumTaps(
  count: i32,
  pair: usize,
  end: usize,
  a: usize,
  b: usize,
  c: usize,
  aSums: usize,
  bSums: usize,
  cSums: usize,
): void {
  let a0 = v128.load(aSums);
  let a1 = v128.load(aSums, 16);
  let a2 = v128.load(aSums, 32);
  let a3 = v128.load(aSums, 48);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0);
  if (count > 1) {
    b0 = v128.load(bSums);
    b1 = v128.load(bSums, 16);
    b2 = v128.load(bSums, 32);
    b3 = v128.load(bSums, 48);
  }
  if (count > 2) {
    c0 = v128.load(cSums);
    c1 = v128.load(cSums, 16);
    c2 = v128.load(cSums, 32);
    c3 = v128.load(cSums, 48);
  }
  for (; pair < end; pair += PAIR_BYTES) {
    const offset = load<usize>(pair);
    const x = v128.load32_splat(pair, 4);
    let p = a + offset;
    a0 = madd(v128.load(p), x, a0);
    a1 = madd(v128.load(p, 16), x, a1);
    if (count > 1 && pair === a) break;
    a2 = madd(v128.load(p, 32), x, a2);
    a3 = madd(v128.load(p, 48), x, a3);
    if (count > 1) {
      if (pair === a) break;
      p = b + offset;
      b0 = madd(v128.load(p), x, b0);
      b1 = madd(v128.load(p, 16), x, b1);
      if (pair === a) break;
      b2 = madd(v128.load(p, 32), x, b2);
      b3 = madd(v128.load(p, 48), x, b3);
    }
    if (count > 2) {
      if (pair === a) break;
      p = c + offset;
      c0 = madd(v128.load(p), x, c0);
      c1 = madd(v128.load(p, 16), x, c1);
      if (pair === a) break;
      c2 = madd(v128.load(p, 32), x, c2);
      c3 = madd(v128.load(p, 48), x, c3);
    }
  }
  storeSums(aSums, a0, a1, a2, a3);
  if (count > 1) storeSums(bSums, b0, b1, b2, b3);
  if (count > 2) storeSums(cSums, c0, c1, c2, c3);
}

function threeTaps(
  pair: usize,
  end: usize,
  a: usize,
  b: usize,
  c: usize,
  aSums: usize,
  bSums: usize,
  cSums: usize,
): void {
  sumTaps(3, pair, end, a, b, c, aSums, bSums, cSums);
}

function twoTaps(pair: usize, end: usize, a: usize, b: usize, aSums: usize, bSums: usize): void {
  sumTaps(2, pair, end, a, b, 0, aSums, bSums, 0);
}

function oneTap(pair: usize, end: usize, a: usize, aSums: usize): void {
  sumTaps(1, pair, end, a, 0, 0, aSums, 0, 0);
}
