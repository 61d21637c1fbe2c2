/**
 * Forward and inputGrad with sparse weights, without unfolding the input: for each filter a list of its nonzero weights
 * as pairs [byte offset from the pixel's window, value], and 32 sums (images, or images of neighbouring pixels) that
 * stay in registers while the list is read once.
 */
import { madd } from "./madd";
import {
  ACCUMULATE,
  BIAS,
  CHANNELS,
  clearPixels,
  COLUMN_PHASES,
  LANES,
  LAST_BLOCK,
  LISTS,
  MASKS,
  MASKS_BYTES,
  NO_PHASE,
  ROW_BYTES,
  ROW_COUNT,
  ROWS,
  RUN_BYTES,
  RUN_COUNT,
  RUNS,
  SOURCE,
  SOURCE_BLOCK,
  TARGET,
  TARGET_BLOCK,
  TARGET_ROW,
  TILES,
} from "./conv-job";

/** Units: block × target row × tile of channels. */
export function convSparse(job: usize, from: usize, to: usize): void {
  const rowCount = load<usize>(job, ROW_COUNT);
  const runs = load<usize>(job, RUNS);
  const runsEnd = runs + load<usize>(job, RUN_COUNT) * RUN_BYTES;
  const columnPhases = load<usize>(job, COLUMN_PHASES);
  const channels = load<usize>(job, CHANNELS);
  const lanes = load<usize>(job, LANES);
  const channelBytes: usize = lanes * 4;
  const biases = load<usize>(job, BIAS);
  const accumulate = load<usize>(job, ACCUMULATE);
  const tiles = load<usize>(job, TILES);
  for (let unit = from; unit < to; unit++) {
    const tile = unit % tiles;
    const row = (unit / tiles) % rowCount;
    const block = unit / tiles / rowCount;
    const first = (channels * tile) / tiles;
    const last = (channels * (tile + 1)) / tiles;
    const rowEntry = load<usize>(job, ROWS) + row * ROW_BYTES;
    const rowPhase = load<usize>(rowEntry, 4);
    const rowSource = load<usize>(job, SOURCE) + block * load<usize>(job, SOURCE_BLOCK) + load<usize>(rowEntry);
    const rowTarget =
      load<usize>(job, TARGET) +
      block * load<usize>(job, TARGET_BLOCK) +
      row * load<usize>(job, TARGET_ROW) +
      first * channelBytes;
    const mask = load<usize>(job, MASKS) + (block == load<usize>(job, LAST_BLOCK) ? MASKS_BYTES : 0);
    const bias: usize = biases == 0 ? 0 : biases + first * 4;
    for (let run = runs; run < runsEnd; run += RUN_BYTES) {
      const target = rowTarget + load<usize>(run);
      const targetStep = load<usize>(run, 4);
      const count = load<usize>(run, 8);
      const source = rowSource + load<usize>(run, 12);
      const sourceStep = load<usize>(run, 16);
      const columnPhase = load<usize>(run, 20);
      if (rowPhase == NO_PHASE || columnPhase == NO_PHASE) {
        if (!accumulate) clearPixels(target, targetStep, count, (last - first) * channelBytes);
        continue;
      }
      const lists = load<usize>(job, LISTS) + ((rowPhase * columnPhases + columnPhase) * channels + first) * 4;
      const listsEnd = lists + (last - first) * 4;
      if (lanes == 32) {
        for (let i: usize = 0; i < count; i++) {
          sum32(lists, listsEnd, source + i * sourceStep, target + i * targetStep, bias, mask, accumulate);
        }
      } else {
        narrowRun(lists, listsEnd, lanes, source, sourceStep, target, targetStep, count, bias, mask, accumulate);
      }
    }
  }
}

/** Blocks of 4, 8 or 16 images: neighbouring pixels fill the sums. Distance n is between sums whose numbers differ by n. */
function narrowRun(
  lists: usize,
  listsEnd: usize,
  lanes: usize,
  source: usize,
  sourceStep: usize,
  target: usize,
  targetStep: usize,
  count: usize,
  bias: usize,
  mask: usize,
  accumulate: usize,
): void {
  const vectors = lanes / 4;
  const s1: usize = vectors > 1 ? <usize>16 : sourceStep;
  const s2: usize = vectors > 2 ? <usize>32 : sourceStep * (2 / vectors);
  const s4 = sourceStep * (4 / vectors);
  const t1: usize = vectors > 1 ? <usize>16 : targetStep;
  const t2: usize = vectors > 2 ? <usize>32 : targetStep * (2 / vectors);
  const t4 = targetStep * (4 / vectors);
  const m1: usize = vectors > 1 ? 16 : 0;
  const m2: usize = vectors > 2 ? <usize>32 : 0;
  let width: usize = 8 / vectors;
  while (count >= width) {
    sum8(lists, listsEnd, lanes * 4, source, s1, s2, s4, target, t1, t2, t4, bias, mask, m1, m2, accumulate);
    source += width * sourceStep;
    target += width * targetStep;
    count -= width;
  }
  width >>= 1;
  if (count >= width) {
    sum4(lists, listsEnd, lanes * 4, source, s1, s2, target, t1, t2, bias, mask, m1, m2, accumulate);
    source += width * sourceStep;
    target += width * targetStep;
    count -= width;
  }
  width >>= 1;
  if (width && count >= width) {
    sum2(lists, listsEnd, lanes * 4, source, s1, target, t1, bias, mask, m1, accumulate);
    source += width * sourceStep;
    target += width * targetStep;
    count -= width;
  }
  if (count) sum1(lists, listsEnd, lanes * 4, source, target, bias, mask, accumulate);
}

/** 32 images of a pixel. */
function sum32(
  lists: usize,
  listsEnd: usize,
  source: usize,
  target: usize,
  bias: usize,
  mask: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let a4 = f32x4.splat(0);
    let a5 = f32x4.splat(0);
    let a6 = f32x4.splat(0);
    let a7 = f32x4.splat(0);
    if (accumulate) {
      a0 = v128.load(target);
      a1 = v128.load(target, 16);
      a2 = v128.load(target, 32);
      a3 = v128.load(target, 48);
      a4 = v128.load(target, 64);
      a5 = v128.load(target, 80);
      a6 = v128.load(target, 96);
      a7 = v128.load(target, 112);
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      a1 = v128.and(b, v128.load(mask, 16));
      a2 = v128.and(b, v128.load(mask, 32));
      a3 = v128.and(b, v128.load(mask, 48));
      a4 = v128.and(b, v128.load(mask, 64));
      a5 = v128.and(b, v128.load(mask, 80));
      a6 = v128.and(b, v128.load(mask, 96));
      a7 = v128.and(b, v128.load(mask, 112));
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      a0 = madd(v128.load(p), w, a0);
      a1 = madd(v128.load(p, 16), w, a1);
      a2 = madd(v128.load(p, 32), w, a2);
      a3 = madd(v128.load(p, 48), w, a3);
      a4 = madd(v128.load(p, 64), w, a4);
      a5 = madd(v128.load(p, 80), w, a5);
      a6 = madd(v128.load(p, 96), w, a6);
      a7 = madd(v128.load(p, 112), w, a7);
    }
    v128.store(target, a0);
    v128.store(target, a1, 16);
    v128.store(target, a2, 32);
    v128.store(target, a3, 48);
    v128.store(target, a4, 64);
    v128.store(target, a5, 80);
    v128.store(target, a6, 96);
    v128.store(target, a7, 112);
    target += 128;
  }
}

/** 8 sums of four images. */
function sum8(
  lists: usize,
  listsEnd: usize,
  channelBytes: usize,
  source: usize,
  s1: usize,
  s2: usize,
  s4: usize,
  target: usize,
  t1: usize,
  t2: usize,
  t4: usize,
  bias: usize,
  mask: usize,
  m1: usize,
  m2: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let a4 = f32x4.splat(0);
    let a5 = f32x4.splat(0);
    let a6 = f32x4.splat(0);
    let a7 = f32x4.splat(0);
    if (accumulate) {
      a0 = v128.load(target);
      a1 = v128.load(target + t1);
      a2 = v128.load(target + t2);
      a3 = v128.load(target + t1 + t2);
      a4 = v128.load(target + t4);
      a5 = v128.load(target + t1 + t4);
      a6 = v128.load(target + t2 + t4);
      a7 = v128.load(target + t1 + t2 + t4);
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      a1 = v128.and(b, v128.load(mask + m1));
      a2 = v128.and(b, v128.load(mask + m2));
      a3 = v128.and(b, v128.load(mask + m1 + m2));
      a4 = v128.and(b, v128.load(mask));
      a5 = v128.and(b, v128.load(mask + m1));
      a6 = v128.and(b, v128.load(mask + m2));
      a7 = v128.and(b, v128.load(mask + m1 + m2));
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      const q = p + s4;
      a0 = madd(v128.load(p), w, a0);
      a1 = madd(v128.load(p + s1), w, a1);
      a2 = madd(v128.load(p + s2), w, a2);
      a3 = madd(v128.load(p + s1 + s2), w, a3);
      a4 = madd(v128.load(q), w, a4);
      a5 = madd(v128.load(q + s1), w, a5);
      a6 = madd(v128.load(q + s2), w, a6);
      a7 = madd(v128.load(q + s1 + s2), w, a7);
    }
    v128.store(target, a0);
    v128.store(target + t1, a1);
    v128.store(target + t2, a2);
    v128.store(target + t1 + t2, a3);
    v128.store(target + t4, a4);
    v128.store(target + t1 + t4, a5);
    v128.store(target + t2 + t4, a6);
    v128.store(target + t1 + t2 + t4, a7);
    target += channelBytes;
  }
}

/** 4 sums of four images. */
function sum4(
  lists: usize,
  listsEnd: usize,
  channelBytes: usize,
  source: usize,
  s1: usize,
  s2: usize,
  target: usize,
  t1: usize,
  t2: usize,
  bias: usize,
  mask: usize,
  m1: usize,
  m2: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    if (accumulate) {
      a0 = v128.load(target);
      a1 = v128.load(target + t1);
      a2 = v128.load(target + t2);
      a3 = v128.load(target + t1 + t2);
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      a1 = v128.and(b, v128.load(mask + m1));
      a2 = v128.and(b, v128.load(mask + m2));
      a3 = v128.and(b, v128.load(mask + m1 + m2));
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      a0 = madd(v128.load(p), w, a0);
      a1 = madd(v128.load(p + s1), w, a1);
      a2 = madd(v128.load(p + s2), w, a2);
      a3 = madd(v128.load(p + s1 + s2), w, a3);
    }
    v128.store(target, a0);
    v128.store(target + t1, a1);
    v128.store(target + t2, a2);
    v128.store(target + t1 + t2, a3);
    target += channelBytes;
  }
}

/** 2 sums of four images. */
function sum2(
  lists: usize,
  listsEnd: usize,
  channelBytes: usize,
  source: usize,
  s1: usize,
  target: usize,
  t1: usize,
  bias: usize,
  mask: usize,
  m1: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    if (accumulate) {
      a0 = v128.load(target);
      a1 = v128.load(target + t1);
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      a1 = v128.and(b, v128.load(mask + m1));
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      a0 = madd(v128.load(p), w, a0);
      a1 = madd(v128.load(p + s1), w, a1);
    }
    v128.store(target, a0);
    v128.store(target + t1, a1);
    target += channelBytes;
  }
}

/** 1 sum of four images. */
function sum1(
  lists: usize,
  listsEnd: usize,
  channelBytes: usize,
  source: usize,
  target: usize,
  bias: usize,
  mask: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    let a0 = f32x4.splat(0);
    if (accumulate) {
      a0 = v128.load(target);
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      a0 = madd(v128.load(p), w, a0);
    }
    v128.store(target, a0);
    target += channelBytes;
  }
}
