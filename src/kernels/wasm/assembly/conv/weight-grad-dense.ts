/** One chunk of the dense weight gradient: 2 input channels × 16 output channels of sums for every tap. */

import { madd } from "../madd";
import {
  firstPanelOf,
  GRAD,
  GRAD_PANEL,
  GROUP_CHANNELS,
  GROUPS,
  LANES,
  PHASE_TAP_COUNT,
  PHASE_TAPS,
  panelsOf,
  SOURCE,
  SUM_BYTES,
  SUMS,
  storeSums,
  TAP_BYTES,
  TAPS,
} from "./weight-grad-job";

/** Pairs of channels of a group, panel by panel, tap by tap. */
export function denseChunk(
  job: usize,
  phase: usize,
  pixels: usize,
  count: usize,
  first: usize,
  last: usize,
  firstPanel: usize,
  lastPanel: usize,
): void {
  const channelBytes = load<usize>(job, LANES) * 4;
  const groupChannels = load<usize>(job, GROUP_CHANNELS);
  const channels = load<usize>(job, GROUPS) * groupChannels;
  const channelSums = load<usize>(job, TAPS) * SUM_BYTES;
  const pixelsEnd = pixels + count * 8;
  const taps = load<usize>(phase, PHASE_TAPS);
  const tapsEnd = taps + load<usize>(phase, PHASE_TAP_COUNT) * TAP_BYTES;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    for (let c = first; c < last; c++) {
      const grad = load<usize>(job, GRAD) + (firstPanelOf(job, c) + panel) * load<usize>(job, GRAD_PANEL);
      const source = load<usize>(job, SOURCE) + c * channelBytes;
      const sums = load<usize>(job, SUMS) + (panel * channels + c) * channelSums;
      // The last of an odd number of channels is its own neighbour: both are the same, and written twice.
      const alone = c % groupChannels === groupChannels - 1;
      if (!alone) c++;
      if (panel >= panelsOf(job, c)) continue;
      const sourceDistance: usize = alone ? 0 : channelBytes;
      const sumsDistance: usize = alone ? 0 : channelSums;
      for (let tap = taps; tap < tapsEnd; tap += TAP_BYTES) {
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
  for (; pixels < pixelsEnd; pixels += 8) {
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
