/**
 * Forward and inputGrad with dense weights, without unfolding the input: 4 channels × 8 images of sums stay in
 * registers over all taps and channels of a window. Weights come in panels [phase][group][tile][tap][channel][4].
 */

import { GatherRecord, NO_PHASE, TILE_CHANNELS } from "../../records/gather";
import { madd } from "../madd";
import { clearPixels, MASKS_BYTES, PHASE_BYTES, ROW_BYTES, RUN_BYTES, TAP_BYTES } from "./job";

/** Units: block × target row × tile of panels. */
export function convDense(job: GatherRecord, from: usize, to: usize): void {
  const rowCount = job.rowCount;
  const runs = job.runs;
  const runsEnd = runs + job.runCount * RUN_BYTES;
  const columnPhases = job.columnPhases;
  const targets = job.groupTargets;
  const sources = job.groupSources;
  const panelsOfGroup = (targets + TILE_CHANNELS - 1) / TILE_CHANNELS;
  const panels = panelsOfGroup * job.groups;
  const channelBytes: usize = job.lanes * 4;
  const sourceBytes = sources * channelBytes;
  const biases = job.bias;
  const accumulate = job.accumulate;
  const tiles = job.tiles;
  for (let unit = from; unit < to; unit++) {
    const tile = unit % tiles;
    const row = (unit / tiles) % rowCount;
    const block = unit / tiles / rowCount;
    const rowEntry = job.rows + row * ROW_BYTES;
    const rowPhase = load<usize>(rowEntry, 4);
    const rowSource = job.source + block * job.sourceBlock + load<usize>(rowEntry);
    const rowTarget = job.target + block * job.targetBlock + row * job.targetRow;
    const mask = job.masks + (block === job.lastBlock ? MASKS_BYTES : 0);
    for (let panel = (panels * tile) / tiles; panel < (panels * (tile + 1)) / tiles; panel++) {
      const group = panel / panelsOfGroup;
      const inGroup = (panel % panelsOfGroup) * TILE_CHANNELS;
      const first = group * targets + inGroup;
      const width = min(TILE_CHANNELS, targets - inGroup);
      const bias: usize = biases === 0 ? 0 : biases + first * 4;
      for (let run = runs; run < runsEnd; run += RUN_BYTES) {
        const target = rowTarget + load<usize>(run) + first * channelBytes;
        const targetStep = load<usize>(run, 4);
        const count = load<usize>(run, 8);
        const source = rowSource + load<usize>(run, 12) + group * sourceBytes;
        const sourceStep = load<usize>(run, 16);
        const columnPhase = load<usize>(run, 20);
        if (rowPhase === NO_PHASE || columnPhase === NO_PHASE) {
          if (!accumulate) clearPixels(target, targetStep, count, width * channelBytes);
          continue;
        }
        const phase = job.phases + (rowPhase * columnPhases + columnPhase) * PHASE_BYTES;
        const tapCount = load<usize>(phase);
        const taps = load<usize>(phase, 4);
        const weights = load<usize>(phase, 8) + panel * tapCount * sources * (TILE_CHANNELS * 4);
        const tapsEnd = taps + tapCount * TAP_BYTES;
        if (channelBytes > 16) {
          for (let i: usize = 0; i < count; i++) {
            for (let image: usize = 0; image < channelBytes; image += 32) {
              tileSums(
                weights,
                taps,
                tapsEnd,
                sourceBytes,
                channelBytes,
                source + i * sourceStep + image,
                16,
                target + i * targetStep + image,
                16,
                width,
                bias,
                mask + image,
                16,
                accumulate,
              );
            }
          }
        } else {
          // Pixels in twos; of a last one both sums are the same.
          for (let i: usize = 0; i < count; i += 2) {
            const alone = i + 1 === count;
            tileSums(
              weights,
              taps,
              tapsEnd,
              sourceBytes,
              channelBytes,
              source + i * sourceStep,
              alone ? 0 : sourceStep,
              target + i * targetStep,
              alone ? 0 : targetStep,
              width,
              bias,
              mask,
              0,
              accumulate,
            );
          }
        }
      }
    }
  }
}

/** Two times four images of the channels of a tile; `width` of them exist. Distances are between the fours. */
function tileSums(
  weights: usize,
  taps: usize,
  tapsEnd: usize,
  sourceBytes: usize,
  channelBytes: usize,
  source: usize,
  sourceDistance: usize,
  target: usize,
  targetDistance: usize,
  width: usize,
  bias: usize,
  mask: usize,
  maskDistance: usize,
  accumulate: usize,
): void {
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  for (; taps < tapsEnd; taps += TAP_BYTES) {
    let p = source + load<usize>(taps, 4);
    let q = p + sourceDistance;
    const end = p + sourceBytes;
    while (p < end) {
      const x = v128.load(p);
      const y = v128.load(q);
      let w = v128.load32_splat(weights);
      a0 = madd(x, w, a0);
      b0 = madd(y, w, b0);
      w = v128.load32_splat(weights, 4);
      a1 = madd(x, w, a1);
      b1 = madd(y, w, b1);
      w = v128.load32_splat(weights, 8);
      a2 = madd(x, w, a2);
      b2 = madd(y, w, b2);
      w = v128.load32_splat(weights, 12);
      a3 = madd(x, w, a3);
      b3 = madd(y, w, b3);
      weights += 16;
      p += channelBytes;
      q += channelBytes;
    }
  }
  const x = v128.load(mask);
  const y = v128.load(mask + maskDistance);
  putPair(target, targetDistance, a0, b0, bias, x, y, accumulate);
  target += channelBytes;
  if (bias) bias += 4;
  if (width === 1) return;
  putPair(target, targetDistance, a1, b1, bias, x, y, accumulate);
  target += channelBytes;
  if (bias) bias += 4;
  if (width === 2) return;
  putPair(target, targetDistance, a2, b2, bias, x, y, accumulate);
  target += channelBytes;
  if (bias) bias += 4;
  if (width === 3) return;
  putPair(target, targetDistance, a3, b3, bias, x, y, accumulate);
}

/** Stores or adds two sums of a channel, with its bias if `bias` is not 0. */
// @inline
function putPair(
  target: usize,
  distance: usize,
  a: v128,
  b: v128,
  bias: usize,
  maskA: v128,
  maskB: v128,
  accumulate: usize,
): void {
  if (accumulate) {
    a = f32x4.add(a, v128.load(target));
    b = f32x4.add(b, v128.load(target + distance));
  } else if (bias) {
    const w = v128.load32_splat(bias);
    a = f32x4.add(a, v128.and(w, maskA));
    b = f32x4.add(b, v128.and(w, maskB));
  }
  v128.store(target, a);
  v128.store(target + distance, b);
}
