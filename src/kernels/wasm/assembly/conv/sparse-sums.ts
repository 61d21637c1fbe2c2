/**
 * Inner loops of the sparse convolution: for each channel from `lists` to `listsEnd`, n sums of four images over a list of
 * pairs [byte offset from `source`, weight]. Distance s1, s2, s4 (t…, m… of targets and masks) is between sums whose numbers
 * differ by 1, 2, 4: images of a pixel or neighbouring pixels.
 *
 * The last sum comes first, and a jump that is never taken (no list lies at the address of a tensor) ends the block in the
 * middle. Without them V8 loads all vectors before it adds any, has no registers left, and keeps sums in memory: a third
 * slower.
 */
import { madd } from "../madd";

/** 32 images of `count` pixels, list by list: a loop over a list that is run again ends where it did before. */
export function sum32(
  lists: usize,
  listsEnd: usize,
  firstSource: usize,
  sourceStep: usize,
  firstTarget: usize,
  targetStep: usize,
  count: usize,
  bias: usize,
  mask: usize,
  accumulate: usize,
): void {
  for (; lists < listsEnd; lists += 4) {
    const first = load<usize>(lists);
    const end = load<usize>(lists, 4);
    let source = firstSource;
    let target = firstTarget;
    for (let i: usize = 0; i < count; i++) {
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
      }
      for (let pair = first; pair < end; pair += 8) {
        const p = source + load<usize>(pair);
        const w = v128.load32_splat(pair, 4);
        a7 = madd(v128.load(p, 112), w, a7);
        a6 = madd(v128.load(p, 96), w, a6);
        a5 = madd(v128.load(p, 80), w, a5);
        a4 = madd(v128.load(p, 64), w, a4);
        if (pair === source) break;
        a3 = madd(v128.load(p, 48), w, a3);
        a2 = madd(v128.load(p, 32), w, a2);
        a1 = madd(v128.load(p, 16), w, a1);
        a0 = madd(v128.load(p), w, a0);
      }
      v128.store(target, a0);
      v128.store(target, a1, 16);
      v128.store(target, a2, 32);
      v128.store(target, a3, 48);
      v128.store(target, a4, 64);
      v128.store(target, a5, 80);
      v128.store(target, a6, 96);
      v128.store(target, a7, 112);
      source += sourceStep;
      target += targetStep;
    }
    firstTarget += 128;
    if (bias) bias += 4;
  }
}

/**
 * `count` sums of four images, a constant: the compiler drops the branches of sums that do not exist, and leaves each of the
 * functions below without any. (`sum32` stands alone because its distances are constants that its loads carry themselves.)
 */
// @inline
function sumsOf(
  count: i32,
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
      if (count > 1) a1 = v128.load(target + t1);
      if (count > 2) {
        a2 = v128.load(target + t2);
        a3 = v128.load(target + t1 + t2);
      }
      if (count > 4) {
        a4 = v128.load(target + t4);
        a5 = v128.load(target + t1 + t4);
        a6 = v128.load(target + t2 + t4);
        a7 = v128.load(target + t1 + t2 + t4);
      }
    } else if (bias) {
      const b = v128.load32_splat(bias);
      a0 = v128.and(b, v128.load(mask));
      if (count > 1) a1 = v128.and(b, v128.load(mask + m1));
      if (count > 2) {
        a2 = v128.and(b, v128.load(mask + m2));
        a3 = v128.and(b, v128.load(mask + m1 + m2));
      }
      if (count > 4) {
        a4 = a0;
        a5 = a1;
        a6 = a2;
        a7 = a3;
      }
      bias += 4;
    }
    const end = load<usize>(lists, 4);
    for (let pair = load<usize>(lists); pair < end; pair += 8) {
      const p = source + load<usize>(pair);
      const w = v128.load32_splat(pair, 4);
      if (count > 4) {
        const q = p + s4;
        a7 = madd(v128.load(q + s1 + s2), w, a7);
        a6 = madd(v128.load(q + s2), w, a6);
        a5 = madd(v128.load(q + s1), w, a5);
        a4 = madd(v128.load(q), w, a4);
        if (pair === source) break;
      }
      if (count > 2) {
        a3 = madd(v128.load(p + s1 + s2), w, a3);
        a2 = madd(v128.load(p + s2), w, a2);
      }
      if (count > 1) a1 = madd(v128.load(p + s1), w, a1);
      a0 = madd(v128.load(p), w, a0);
    }
    v128.store(target, a0);
    if (count > 1) v128.store(target + t1, a1);
    if (count > 2) {
      v128.store(target + t2, a2);
      v128.store(target + t1 + t2, a3);
    }
    if (count > 4) {
      v128.store(target + t4, a4);
      v128.store(target + t1 + t4, a5);
      v128.store(target + t2 + t4, a6);
      v128.store(target + t1 + t2 + t4, a7);
    }
    target += channelBytes;
  }
}

/** 8 sums of four images. */
export function sum8(
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
  sumsOf(8, lists, listsEnd, channelBytes, source, s1, s2, s4, target, t1, t2, t4, bias, mask, m1, m2, accumulate);
}

/** 4 sums of four images. */
export function sum4(
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
  sumsOf(4, lists, listsEnd, channelBytes, source, s1, s2, 0, target, t1, t2, 0, bias, mask, m1, m2, accumulate);
}

/** 2 sums of four images. */
export function sum2(
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
  sumsOf(2, lists, listsEnd, channelBytes, source, s1, 0, 0, target, t1, 0, 0, bias, mask, m1, 0, accumulate);
}

/** 1 sum of four images. */
export function sum1(
  lists: usize,
  listsEnd: usize,
  channelBytes: usize,
  source: usize,
  target: usize,
  bias: usize,
  mask: usize,
  accumulate: usize,
): void {
  sumsOf(1, lists, listsEnd, channelBytes, source, 0, 0, 0, target, 0, 0, 0, bias, mask, 0, 0, accumulate);
}
