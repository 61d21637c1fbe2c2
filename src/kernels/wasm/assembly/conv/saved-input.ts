/**
 * The input of a convolution as its weight gradient reads it again, without the elements that top-k drops: for every chunk of
 * positions (./weight-grad.ts) and every channel a list
 *
 *     [count, 32 bits] [values, 32 bits each] [positions in the chunk, 8 bits each, filled up to 32 bits]
 *
 * and a table [chunk][channel] of addresses of lists. A list of `count` takes 5 bytes an element, where the input takes 4 for
 * all 256.
 */
import { PAIR_BYTES, PhaseRecord, SUM_BYTES, WeightGradRecord } from "../../records/weight-grad";
import { findPixels } from "./pixels";

/**
 * Saves |x| ≥ threshold, which is above 0. Units: chunks of all phases, in order. The lists of a call follow each other from `lists` +
 * first unit · `unitBytes`, behind a list of pixels, and a word for each and one more.
 */
export function saveInput(
  job: WeightGradRecord,
  threshold: f32,
  table: usize,
  lists: usize,
  unitBytes: usize,
  from: usize,
  to: usize,
): void {
  const channels = job.groups * job.groupChannels;
  const chunkPixels = job.chunkPixels;
  const lanes = job.lanes;
  const channelBytes: usize = lanes * 4;
  const pixels = lists + from * unitBytes;
  const masks = pixels + chunkPixels * PAIR_BYTES;
  let list = masks + (chunkPixels + 1) * 4;
  const least = f32x4.splat(threshold);
  let unit: usize = 0;
  for (let address = job.phases; address < job.phasesEnd && unit < to; address += offsetof<PhaseRecord>()) {
    const phase = changetype<PhaseRecord>(address);
    const total = phase.rows * phase.columns * job.blocks;
    for (let pixel: usize = 0; pixel < total && unit < to; pixel += chunkPixels, unit++) {
      if (unit < from) continue;
      const count = min(chunkPixels, total - pixel);
      findPixels(job, phase, pixel, count, pixels);
      const pixelsEnd = pixels + count * PAIR_BYTES;
      let entry = table + unit * channels * 4;
      for (let c: usize = 0; c < channels; c++, entry += 4) {
        store<usize>(entry, list);
        list = saveChannel(job.source + c * channelBytes, pixels, pixelsEnd, masks, lanes, least, list);
      }
    }
  }
}

/** Writes the list of one channel and returns its end; `masks` is room for a word of each pixel. */
function saveChannel(
  source: usize,
  pixels: usize,
  pixelsEnd: usize,
  masks: usize,
  lanes: usize,
  least: v128,
  list: usize,
): usize {
  let kept: usize = 0;
  let mask = masks;
  for (let pixel = pixels; pixel < pixelsEnd; pixel += PAIR_BYTES, mask += 4) {
    const bits = keptOf(source + load<usize>(pixel), lanes, least);
    store<u32>(mask, bits);
    kept += <usize>popcnt(bits);
  }
  store<u32>(mask, 0);
  store<usize>(list, kept);
  let value = list + 4;
  let position = value + kept * 4;
  const end = position + ((kept + 3) & ~3);
  let at: usize = 0;
  if (lanes === 32) {
    // Two pixels at a time: a loop over few bits mostly ends by surprise.
    for (; pixels < pixelsEnd; pixels += 2 * PAIR_BYTES, masks += 8, at += 64) {
      const p = source + load<usize>(pixels);
      const distance = load<usize>(pixels, PAIR_BYTES) - load<usize>(pixels) - 128;
      let bits = load<u64>(masks);
      while (bits) {
        const i = <usize>ctz(bits);
        store<u32>(value, load<u32>(p + i * 4 + (i >> 5) * distance));
        store<u8>(position++, <u8>(at + i));
        value += 4;
        bits &= bits - 1;
      }
    }
    return end;
  }
  for (; pixels < pixelsEnd; pixels += PAIR_BYTES, masks += 4, at += lanes) {
    const p = source + load<usize>(pixels);
    let bits = load<u32>(masks);
    while (bits) {
      const i = <usize>ctz(bits);
      store<u32>(value, load<u32>(p + i * 4));
      store<u8>(position++, <u8>(at + i));
      value += 4;
      bits &= bits - 1;
    }
  }
  return end;
}

/** Writes a list as pairs [byte offset into a panel, value] and returns their end. */
export function spreadList(list: usize, pixels: usize, lanes: usize, pair: usize): usize {
  const end = pair + load<usize>(list) * PAIR_BYTES;
  const shift = ctz(lanes);
  const lane = lanes - 1;
  let value = list + 4;
  let position = value + load<usize>(list) * 4;
  for (; pair < end; pair += PAIR_BYTES, value += 4) {
    const at = <usize>load<u8>(position++);
    store<usize>(pair, load<usize>(pixels + (at >> shift) * PAIR_BYTES, 4) + (at & lane) * SUM_BYTES);
    store<u32>(pair, load<u32>(value), 4);
  }
  return end;
}

/** One bit for each image whose element is kept: not |x| < least, so that NaN stays. */
// @inline
function keptOf(p: usize, lanes: usize, least: v128): u32 {
  if (lanes === 32) return ~(dropped16(p, least) | (dropped16(p + 64, least) << 16));
  if (lanes === 16) return dropped16(p, least) ^ 0xffff;
  let bits: u32 = i32x4.bitmask(dropped4(p, least)) ^ 15;
  if (lanes === 8) bits |= (i32x4.bitmask(dropped4(p + 16, least)) ^ 15) << 4;
  return bits;
}

// @inline
function dropped16(p: usize, least: v128): u32 {
  const low = i16x8.narrow_i32x4_s(dropped4(p, least), dropped4(p + 16, least));
  const high = i16x8.narrow_i32x4_s(dropped4(p + 32, least), dropped4(p + 48, least));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @inline
function dropped4(p: usize, least: v128): v128 {
  return f32x4.lt(f32x4.abs(v128.load(p)), least);
}
