/**
 * Forward and inputGrad with sparse weights, without unfolding the input: for each filter a list of its nonzero weights
 * as pairs [byte offset from the pixel's window, value], and 32 sums (images, or images of neighbouring pixels) that
 * stay in registers while the list is read once.
 */
import { GatherRecord, NO_PHASE } from "../../records/gather";
import { clearPixels, MASKS_BYTES, PHASE_BYTES, ROW_BYTES, RUN_BYTES } from "./job";
import { sum1, sum2, sum4, sum8, sum32 } from "./sparse-sums";

/** Pixels of so many bytes are summed together. */
const TOGETHER_BYTES: usize = 16384;

/** Units: block × target row × tile of channels. */
export function convSparse(job: GatherRecord, from: usize, to: usize): void {
  const rowCount = job.rowCount;
  const runs = job.runs;
  const runsEnd = runs + job.runCount * RUN_BYTES;
  const columnPhases = job.columnPhases;
  const channels = job.channels;
  const lanes = job.lanes;
  const channelBytes: usize = lanes * 4;
  const biases = job.bias;
  const accumulate = job.accumulate;
  const tiles = job.tiles;
  const pixelBytes = job.groups * job.groupSources * channelBytes;
  const together = max(1, TOGETHER_BYTES / pixelBytes);
  for (let unit = from; unit < to; unit++) {
    const tile = unit % tiles;
    const row = (unit / tiles) % rowCount;
    const block = unit / tiles / rowCount;
    const first = (channels * tile) / tiles;
    const last = (channels * (tile + 1)) / tiles;
    const rowEntry = job.rows + row * ROW_BYTES;
    const rowPhase = load<usize>(rowEntry, 4);
    const rowSource = job.source + block * job.sourceBlock + load<usize>(rowEntry);
    const rowTarget = job.target + block * job.targetBlock + row * job.targetRow + first * channelBytes;
    const mask = job.masks + (block === job.lastBlock ? MASKS_BYTES : 0);
    const bias: usize = biases === 0 ? 0 : biases + first * 4;
    for (let run = runs; run < runsEnd; run += RUN_BYTES) {
      const target = rowTarget + load<usize>(run);
      const targetStep = load<usize>(run, 4);
      const count = load<usize>(run, 8);
      const source = rowSource + load<usize>(run, 12);
      const sourceStep = load<usize>(run, 16);
      const columnPhase = load<usize>(run, 20);
      if (rowPhase === NO_PHASE || columnPhase === NO_PHASE) {
        if (!accumulate) clearPixels(target, targetStep, count, (last - first) * channelBytes);
        continue;
      }
      const phase = rowPhase * columnPhases + columnPhase;
      const phaseEntry = job.phases + phase * PHASE_BYTES;
      const lists = job.lists + (phase * channels + first) * 4;
      const listsEnd = lists + (last - first) * 4;
      if (lanes === 32) {
        for (let i: usize = 0; i < count; i += together) {
          const pixels = min(together, count - i);
          for (let j = i + pixels; j < i + 2 * pixels && j < count; j++) {
            fetchWindow(phaseEntry, source + j * sourceStep, pixelBytes);
          }
          const s = source + i * sourceStep;
          const t = target + i * targetStep;
          sum32(lists, listsEnd, s, sourceStep, t, targetStep, pixels, bias, mask, accumulate);
        }
      } else {
        narrowRun(
          lists,
          listsEnd,
          lanes,
          source,
          sourceStep,
          target,
          targetStep,
          count,
          bias,
          mask,
          accumulate,
          phaseEntry,
          pixelBytes,
        );
      }
    }
  }
}

/**
 * Reads in order what the window of a pixel has and those before it had not: lists jump to and fro, and would wait for the
 * memory at every new line of the cache.
 */
function fetchWindow(phase: usize, source: usize, pixelBytes: usize): void {
  let entry = load<usize>(phase, 16);
  const end = entry + load<usize>(phase, 12) * 4;
  let bits = 0;
  for (; entry < end; entry += 4) {
    let p = source + load<usize>(entry);
    const pixelEnd = p + pixelBytes;
    for (; p < pixelEnd; p += 64) bits |= load<i32>(p);
  }
  // Keeps the loads: no table ends at address 0.
  if (end === 0) store<i32>(phase, bits);
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
  phase: usize,
  pixelBytes: usize,
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
    for (let i = width; i < 2 * width && i < count; i++) fetchWindow(phase, source + i * sourceStep, pixelBytes);
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
