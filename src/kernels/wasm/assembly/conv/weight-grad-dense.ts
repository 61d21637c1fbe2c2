/** One chunk of the dense weight gradient: 2 input channels × 16 output channels of sums for every tap. */

import { PAIR_BYTES, PhaseRecord, SUM_BYTES, WeightGradRecord } from "../../records/weight-grad";
import { madd } from "../madd";
import { firstPanelOf, panelsOf, storeSums } from "./panels";

/** Pairs of channels of a group, panel by panel, tap by tap. */
export function denseChunk(
  job: WeightGradRecord,
  phase: PhaseRecord,
  pixels: usize,
  count: usize,
  first: usize,
  last: usize,
  firstPanel: usize,
  lastPanel: usize,
): void {
  const channelBytes = job.lanes * 4;
  const groupChannels = job.groupChannels;
  const channels = job.groups * groupChannels;
  const channelSums = job.taps * SUM_BYTES;
  const pixelsEnd = pixels + count * PAIR_BYTES;
  const taps = phase.taps;
  const tapsEnd = phase.tapsEnd;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    for (let c = first; c < last; c++) {
      const grad = job.grad + (firstPanelOf(job, c) + panel) * job.gradPanel;
      const source = job.source + c * channelBytes;
      const sums = job.sums + (panel * channels + c) * channelSums;
      // The last of an odd number of channels is its own neighbour: both are the same, and written twice.
      const alone = c % groupChannels === groupChannels - 1;
      if (!alone) c++;
      if (panel >= panelsOf(job, c)) continue;
      const sourceDistance: usize = alone ? 0 : channelBytes;
      const sumsDistance: usize = alone ? 0 : channelSums;
      for (let tap = taps; tap < tapsEnd; tap += PAIR_BYTES) {
        const g = grad + load<usize>(tap);
        const s = sums + load<usize>(tap, 4) * SUM_BYTES;
        twoChannels(pixels, pixelsEnd, source, sourceDistance, channelBytes, g, s, sumsDistance);
      }
    }
  }
}

/** Sums of two channels and 16 output channels at one tap. */
function twoChannels(
  pixels: usize,
  pixelsEnd: usize,
  source: usize,
  sourceDistance: usize,
  channelBytes: usize,
  grad: usize,
  sums: usize,
  sumsDistance: usize,
): void {
  const sums2 = sums + sumsDistance;
  let a0 = v128.load(sums);
  let a1 = v128.load(sums, 16);
  let a2 = v128.load(sums, 32);
  let a3 = v128.load(sums, 48);
  let b0 = v128.load(sums2);
  let b1 = v128.load(sums2, 16);
  let b2 = v128.load(sums2, 32);
  let b3 = v128.load(sums2, 48);
  for (; pixels < pixelsEnd; pixels += PAIR_BYTES) {
    let p = source + load<usize>(pixels);
    let q = p + sourceDistance;
    let g = grad + load<usize>(pixels, 4);
    const end = p + channelBytes;
    while (p < end) {
      const g0 = v128.load(g);
      const g1 = v128.load(g, 16);
      const g2 = v128.load(g, 32);
      const g3 = v128.load(g, 48);
      const x = v128.load32_splat(p);
      a0 = madd(g0, x, a0);
      a1 = madd(g1, x, a1);
      a2 = madd(g2, x, a2);
      a3 = madd(g3, x, a3);
      const y = v128.load32_splat(q);
      b0 = madd(g0, y, b0);
      b1 = madd(g1, y, b1);
      b2 = madd(g2, y, b2);
      b3 = madd(g3, y, b3);
      p += 4;
      q += 4;
      g += SUM_BYTES;
    }
  }
  storeSums(sums, a0, a1, a2, a3);
  storeSums(sums2, b0, b1, b2, b3);
}
