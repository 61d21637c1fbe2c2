/**
 * Packs the weights |w| ≥ threshold of [K, C/groups, R, S] of a convolution for the kernels: as lists of nonzeros of each
 * filter and of each input channel (sparse), or as panels (dense). It happens in every training step, so it scans 64 weights at a time.
 */

import { SCAN_CHANNELS, TILE_CHANNELS } from "../../records/gather";
import { PHASE_BYTES, TAP_BYTES } from "./job";

/** Bytes of the floats that are scanned at a time: 64, so that the loop over their nonzeros seldom ends by surprise. */
const SCAN_BYTES: usize = 256;

/** One bit for each of 16 floats: it is dropped. */
// @inline
function dropped16(p: usize, least: v128): u64 {
  const low = i16x8.narrow_i32x4_s(dropped4(p, least), dropped4(p + 16, least));
  const high = i16x8.narrow_i32x4_s(dropped4(p + 32, least), dropped4(p + 48, least));
  return <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @inline
function dropped4(p: usize, least: v128): v128 {
  return f32x4.lt(f32x4.abs(v128.load(p)), least);
}

/** One bit for each of the 64 floats from p, or of those before `end`: it is kept, not |w| < least, so that NaN stays. */
// @inline
function keptOf(p: usize, end: usize, least: v128): u64 {
  if (p + SCAN_BYTES > end) return keptOfTail(p, end, least);
  const low = dropped16(p, least) | (dropped16(p + 64, least) << 16);
  return ~(low | (dropped16(p + 128, least) << 32) | (dropped16(p + 192, least) << 48));
}

function keptOfTail(p: usize, end: usize, least: v128): u64 {
  let bits: u64 = 0;
  let i: u64 = 0;
  for (; p + 64 <= end; p += 64) {
    bits |= (dropped16(p, least) ^ 0xffff) << i;
    i += 16;
  }
  for (; p < end; p += 4) bits |= u64(!(abs(load<f32>(p)) < f32x4.extract_lane(least, 0))) << i++;
  return bits;
}

/** counts[k] = kept weights of filter k; `rowBytes` of a filter. Units: filters. */
export function countFilters(
  weight: usize,
  threshold: f32,
  rowBytes: usize,
  counts: usize,
  from: usize,
  to: usize,
): void {
  const least = f32x4.splat(threshold);
  for (let k = from; k < to; k++) {
    let p = weight + k * rowBytes;
    const end = p + rowBytes;
    let count: u64 = 0;
    for (; p < end; p += SCAN_BYTES) count += popcnt(keptOf(p, end, least));
    store<usize>(counts + k * 4, <usize>count);
  }
}

/** Turns the lengths of `count` lists into their addresses, one after the other from `address`; one more ends the last. */
export function placeLists(lists: usize, count: usize, address: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const length = load<usize>(lists);
    store<usize>(lists, address);
    address += length * 8;
    lists += 4;
  }
  store<usize>(lists, address);
}

/** Lists of filters: offsets[i] of the weight i of a filter, plus groupBytes for each group before. Units: filters. */
export function listFilters(
  weight: usize,
  threshold: f32,
  rowBytes: usize,
  offsets: usize,
  groupFilters: usize,
  groupBytes: usize,
  lists: usize,
  from: usize,
  to: usize,
): void {
  const least = f32x4.splat(threshold);
  let base = (from / groupFilters) * groupBytes;
  let filtersLeft = groupFilters - (from % groupFilters);
  for (let k = from; k < to; k++) {
    let p = weight + k * rowBytes;
    const end = p + rowBytes;
    let offset = offsets;
    let pair = load<usize>(lists + k * 4);
    while (p < end) {
      let bits = keptOf(p, end, least);
      while (bits) {
        const i = (<usize>ctz(bits)) << 2;
        store<usize>(pair, load<usize>(offset + i) + base);
        store<usize>(pair, load<usize>(p + i), 4);
        pair += 8;
        bits &= bits - 1;
      }
      p += SCAN_BYTES;
      offset += SCAN_BYTES;
    }
    if (--filtersLeft === 0) {
      base += groupBytes;
      filtersLeft = groupFilters;
    }
  }
}

/**
 * Lengths of the lists of input channels. `slots` has for each weight of SCAN_CHANNELS channels [4 · (phase · C + channel
 * within them), byte offset]. `cursors` [phase][C] has to be zero. Units: groups × scans of channels.
 */
export function countChannels(
  weight: usize,
  threshold: f32,
  groupFilters: usize,
  groupChannels: usize,
  taps: usize,
  slots: usize,
  cursors: usize,
  from: usize,
  to: usize,
): void {
  scanChannels(false, weight, threshold, groupFilters, groupChannels, taps, slots, 0, cursors, from, to);
}

/** Lists of input channels. `cursors` [phase][C] starts as a copy of their addresses and is moved. Units as above. */
export function listChannels(
  weight: usize,
  threshold: f32,
  groupFilters: usize,
  groupChannels: usize,
  taps: usize,
  slots: usize,
  filterBytes: usize,
  cursors: usize,
  from: usize,
  to: usize,
): void {
  scanChannels(true, weight, threshold, groupFilters, groupChannels, taps, slots, filterBytes, cursors, from, to);
}

/** The two above: `isListing` is a constant. */
// @inline
function scanChannels(
  isListing: bool,
  weight: usize,
  threshold: f32,
  groupFilters: usize,
  groupChannels: usize,
  taps: usize,
  slots: usize,
  filterBytes: usize,
  cursors: usize,
  from: usize,
  to: usize,
): void {
  const least = f32x4.splat(threshold);
  const scans = (groupChannels + SCAN_CHANNELS - 1) / SCAN_CHANNELS;
  const rowBytes: usize = groupChannels * taps * 4;
  for (let unit = from; unit < to; unit++) {
    const group = unit / scans;
    const channel = (unit % scans) * SCAN_CHANNELS;
    const bytes: usize = min(SCAN_CHANNELS, groupChannels - channel) * taps * 4;
    const heads = cursors + (group * groupChannels + channel) * 4;
    for (let k = group * groupFilters; k < (group + 1) * groupFilters; k++) {
      let p = weight + k * rowBytes + channel * taps * 4;
      const end = p + bytes;
      let slot = slots;
      while (p < end) {
        let bits = keptOf(p, end, least);
        while (bits) {
          const i = <usize>ctz(bits);
          const entry = slot + (i << 3);
          const head = heads + load<usize>(entry);
          if (isListing) {
            const pair = load<usize>(head);
            store<usize>(pair, load<usize>(entry, 4) + k * filterBytes);
            store<usize>(pair, load<usize>(p + (i << 2)), 4);
            store<usize>(head, pair + 8);
          } else store<usize>(head, load<usize>(head) + 1);
          bits &= bits - 1;
        }
        p += SCAN_BYTES;
        slot += 2 * SCAN_BYTES;
      }
    }
  }
}

/** Moves the offsets of pairs to a tensor with other rows: an offset is a number of rows and less than one row more. */
export function rebaseLists(pairs: usize, end: usize, oldRowBytes: usize, newRowBytes: usize): void {
  for (; pairs < end; pairs += 8) {
    const offset = load<usize>(pairs);
    store<usize>(pairs, offset + (offset / oldRowBytes) * (newRowBytes - oldRowBytes));
  }
}

/**
 * Panels of the dense kernel for `phaseCount` phases ([taps, address of taps, address of panels]). Weight of target t,
 * source s and tap i of a group: group · groupStep + t · targetStep + s · sourceStep + i · 4 bytes. Units: groups × tiles.
 */
export function packPanels(
  weight: usize,
  threshold: f32,
  phases: usize,
  phaseCount: usize,
  targets: usize,
  sources: usize,
  groupStep: usize,
  targetStep: usize,
  sourceStep: usize,
  from: usize,
  to: usize,
): void {
  const tiles = (targets + TILE_CHANNELS - 1) / TILE_CHANNELS;
  for (let unit = from; unit < to; unit++) {
    const first = (unit % tiles) * TILE_CHANNELS;
    const width = min(TILE_CHANNELS, targets - first);
    const base = weight + (unit / tiles) * groupStep + first * targetStep;
    for (let i: usize = 0; i < phaseCount; i++) {
      const phase = phases + i * PHASE_BYTES;
      const tapCount = load<usize>(phase);
      let tap = load<usize>(phase, 4);
      const tapsEnd = tap + tapCount * TAP_BYTES;
      let panel = load<usize>(phase, 8) + unit * tapCount * sources * (TILE_CHANNELS * 4);
      for (; tap < tapsEnd; tap += TAP_BYTES) {
        let p = base + load<usize>(tap) * 4;
        for (let s: usize = 0; s < sources; s++) {
          let q = p;
          for (let t: usize = 0; t < TILE_CHANNELS; t++) {
            store<f32>(panel, t < width ? keptOrZero(load<f32>(q), threshold) : 0);
            q += targetStep;
            panel += 4;
          }
          p += sourceStep;
        }
      }
    }
  }
}

// @inline
function keptOrZero(w: f32, threshold: f32): f32 {
  return abs(w) < threshold ? 0 : w;
}
