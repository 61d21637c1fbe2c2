/**
 * weightGrad = outputGrad ∗ input over positions (block, row, column, lane), with outputGrad transposed to panels of 16
 * output channels. Positions come in chunks whose part of a panel stays in the cache. Sparse: of each input channel the
 * list of its nonzeros in the chunk as pairs [byte offset into the panel, value] is read once for every three taps, each
 * with 16 sums in registers. Dense: 2 input channels × 16 output channels of sums for every tap.
 *
 * A unit is an input channel (sparse) or two (dense), times a part of the panels; it owns its sums, and a sum always adds
 * in the same order, so that the result does not depend on how units are split.
 */
import { madd } from "./madd";
import { transpose4 } from "./conv-grad-transpose";

// Record of the host (../conv-weight-grad.ts), 32-bit words.
const SOURCE: usize = 0;
const SOURCE_BLOCK: usize = 4;
const LANES: usize = 8;
/** Blocks in use. */
const BLOCKS: usize = 12;
const GROUPS: usize = 16;
const GROUP_CHANNELS: usize = 20;
const GROUP_FILTERS: usize = 24;
/** R·S. */
const TAPS: usize = 28;
/** Transposed outputGrad, and its bytes from panel to panel, block to block, row to row and column to column. */
const GRAD: usize = 32;
const GRAD_PANEL: usize = 36;
const GRAD_BLOCK: usize = 40;
const GRAD_ROW: usize = 44;
const GRAD_COLUMN: usize = 48;
/** Most panels that the filters of one group lie in, and the parts they are split into. */
const GROUP_PANELS: usize = 52;
const PARTS: usize = 56;
/** Sums [panel of the group][C][R·S][16]. */
const SUMS: usize = 60;
/** Work space of a unit: pixels of the chunk, then the list of a channel. */
const PIXELS: usize = 64;
const PAIRS: usize = 68;
/** Pixels of a chunk. */
const CHUNK_PIXELS: usize = 72;
/** Address of [K, C/groups, R·S]. */
const RESULT: usize = 76;
const PHASES: usize = 80;
const PHASE_COUNT: usize = 84;

// Phase: input pixels that share a set of taps.
const PHASE_BYTES: usize = 36;
const PHASE_ROWS: usize = 0;
const PHASE_COLUMNS: usize = 4;
const PHASE_SOURCE: usize = 8;
const PHASE_SOURCE_ROW: usize = 12;
const PHASE_SOURCE_COLUMN: usize = 16;
/** Of its first pixel into a panel, at the tap with distance 0. */
const PHASE_GRAD: usize = 20;
/** Taps [byte distance into the panel, index in R·S]. */
const PHASE_TAPS: usize = 24;
const PHASE_TAP_COUNT: usize = 28;
const TAP_BYTES: usize = 8;

/** Bytes of the sums of a tap: 16 channels. */
const SUM_BYTES: usize = 64;

/** Keeps |x| ≥ threshold and x ≠ 0. Units: parts of the panels × input channels. */
export function convWeightGradSparse(job: usize, threshold: f32, from: usize, to: usize): void {
  const channels = load<usize>(job, GROUPS) * load<usize>(job, GROUP_CHANNELS);
  while (from < to) {
    const part = from / channels;
    const first = from % channels;
    const last = min(channels, first + to - from);
    sumChannels(job, part, first, last, threshold, from);
    from += last - first;
  }
}

/** All elements. Units: parts of the panels × pairs of input channels of a group. */
export function convWeightGradDense(job: usize, from: usize, to: usize): void {
  const groupChannels = load<usize>(job, GROUP_CHANNELS);
  const groupPairs = (groupChannels + 1) / 2;
  const pairs = load<usize>(job, GROUPS) * groupPairs;
  while (from < to) {
    const part = from / pairs;
    const first = from % pairs;
    const last = min(pairs, first + to - from);
    // Channels of the pairs from first to last, in the numbering over all groups.
    const channel = (first / groupPairs) * groupChannels + (first % groupPairs) * 2;
    const end = (last / groupPairs) * groupChannels + (last % groupPairs) * 2;
    sumChannels(job, part, channel, end, -1, from);
    from += last - first;
  }
}

/** Sums of input channels [first, last) and the panels of a part; dense with a negative threshold. */
function sumChannels(job: usize, part: usize, first: usize, last: usize, threshold: f32, unit: usize): void {
  const groupPanels = load<usize>(job, GROUP_PANELS);
  const parts = load<usize>(job, PARTS);
  const firstPanel = (groupPanels * part) / parts;
  const lastPanel = (groupPanels * (part + 1)) / parts;
  const channels = load<usize>(job, GROUPS) * load<usize>(job, GROUP_CHANNELS);
  const channelSums = load<usize>(job, TAPS) * SUM_BYTES;
  const chunkPixels = load<usize>(job, CHUNK_PIXELS);
  const pixels = load<usize>(job, PIXELS) + unit * chunkPixels * 8;
  const dense = threshold < 0;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    memory.fill(load<usize>(job, SUMS) + (panel * channels + first) * channelSums, 0, (last - first) * channelSums);
  }
  const phases = load<usize>(job, PHASES);
  const phasesEnd = phases + load<usize>(job, PHASE_COUNT) * PHASE_BYTES;
  for (let phase = phases; phase < phasesEnd; phase += PHASE_BYTES) {
    const total = load<usize>(phase, PHASE_ROWS) * load<usize>(phase, PHASE_COLUMNS) * load<usize>(job, BLOCKS);
    for (let pixel: usize = 0; pixel < total; pixel += chunkPixels) {
      const count = min(chunkPixels, total - pixel);
      findPixels(job, phase, pixel, count, pixels);
      if (dense) denseChunk(job, phase, pixels, count, first, last, firstPanel, lastPanel);
      else sparseChunk(job, phase, pixels, count, first, last, firstPanel, lastPanel, threshold, unit);
    }
  }
  for (let panel = firstPanel; panel < lastPanel; panel++) writeSums(job, panel, first, last);
}

/** Pixels of a chunk as pairs [bytes from SOURCE, bytes into a panel]. */
function findPixels(job: usize, phase: usize, pixel: usize, count: usize, pixels: usize): void {
  const columns = load<usize>(phase, PHASE_COLUMNS);
  const rows = load<usize>(phase, PHASE_ROWS);
  let column = pixel % columns;
  let row = (pixel / columns) % rows;
  let block = pixel / columns / rows;
  const end = pixels + count * 8;
  for (; pixels < end; pixels += 8) {
    store<usize>(
      pixels,
      block * load<usize>(job, SOURCE_BLOCK) +
        load<usize>(phase, PHASE_SOURCE) +
        row * load<usize>(phase, PHASE_SOURCE_ROW) +
        column * load<usize>(phase, PHASE_SOURCE_COLUMN),
    );
    store<usize>(
      pixels,
      block * load<usize>(job, GRAD_BLOCK) +
        load<usize>(phase, PHASE_GRAD) +
        row * load<usize>(job, GRAD_ROW) +
        column * load<usize>(job, GRAD_COLUMN),
      4,
    );
    if (++column == columns) {
      column = 0;
      if (++row == rows) {
        row = 0;
        block++;
      }
    }
  }
}

/** Lists of all channels, then the sums panel by panel. */
function sparseChunk(
  job: usize,
  phase: usize,
  pixels: usize,
  count: usize,
  first: usize,
  last: usize,
  firstPanel: usize,
  lastPanel: usize,
  threshold: f32,
  unit: usize,
): void {
  const lanes = load<usize>(job, LANES);
  const channelBytes: usize = lanes * 4;
  const channels = load<usize>(job, GROUPS) * load<usize>(job, GROUP_CHANNELS);
  const channelSums = load<usize>(job, TAPS) * SUM_BYTES;
  // The list of a channel: its end, then the pairs.
  const listBytes = (load<usize>(job, CHUNK_PIXELS) * lanes + 1) * 8;
  const lists = load<usize>(job, PAIRS) + unit * listBytes;
  let list = lists;
  for (let c = first; c < last; c++) {
    store<usize>(list, listNonzeros(load<usize>(job, SOURCE) + c * channelBytes, pixels, count, lanes, threshold, list + 8));
    list += listBytes;
  }
  const taps = load<usize>(phase, PHASE_TAPS);
  const tapsEnd = taps + load<usize>(phase, PHASE_TAP_COUNT) * TAP_BYTES;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    list = lists;
    for (let c = first; c < last; c++, list += listBytes) {
      const grad = panelOf(job, c, panel);
      const end = load<usize>(list);
      const pair = list + 8;
      if (!grad || pair == end) continue;
      const sums = load<usize>(job, SUMS) + (panel * channels + c) * channelSums;
      let tap = taps;
      for (; tap + 2 * TAP_BYTES < tapsEnd; tap += 3 * TAP_BYTES) threeTaps(pair, end, grad, tap, sums);
      if (tap + TAP_BYTES < tapsEnd) twoTaps(pair, end, grad, tap, sums);
      else if (tap < tapsEnd) oneTap(pair, end, grad, tap, sums);
    }
  }
}

/** Address of a panel of the group that channel c belongs to, or 0 if the group has fewer. */
// @ts-ignore: decorator
@inline
function panelOf(job: usize, c: usize, panel: usize): usize {
  const group = c / load<usize>(job, GROUP_CHANNELS);
  const filters = load<usize>(job, GROUP_FILTERS);
  const first = (group * filters) / 16;
  const last = ((group + 1) * filters - 1) / 16;
  if (first + panel > last) return 0;
  return load<usize>(job, GRAD) + (first + panel) * load<usize>(job, GRAD_PANEL);
}

/** Writes the pairs of one channel and returns their end. */
function listNonzeros(source: usize, pixels: usize, count: usize, lanes: usize, threshold: f32, pair: usize): usize {
  const least = f32x4.splat(threshold);
  const zero = f32x4.splat(0);
  const end = pixels + count * 8;
  for (; pixels < end; pixels += 8) {
    const p = source + load<usize>(pixels);
    const grad = load<usize>(pixels, 4);
    for (let lane: usize = 0; lane < lanes; lane += 4) {
      const x = v128.load(p + lane * 4);
      // Not below rather than at least: NaN stays.
      let bits = i32x4.bitmask(v128.andnot(f32x4.ne(x, zero), f32x4.lt(f32x4.abs(x), least)));
      while (bits) {
        const i = lane + ctz(bits);
        store<usize>(pair, grad + i * SUM_BYTES);
        store<usize>(pair, load<usize>(p + i * 4), 4);
        pair += 8;
        bits &= bits - 1;
      }
    }
  }
  return pair;
}

/** Sums of a channel and 16 output channels at three taps. */
function threeTaps(pair: usize, end: usize, grad: usize, tap: usize, sums: usize): void {
  const a = grad + load<usize>(tap);
  const aSums = sums + load<usize>(tap, 4) * SUM_BYTES;
  const b = grad + load<usize>(tap, 8);
  const bSums = sums + load<usize>(tap, 12) * SUM_BYTES;
  const c = grad + load<usize>(tap, 16);
  const cSums = sums + load<usize>(tap, 20) * SUM_BYTES;
  let a0 = v128.load(aSums);
  let a1 = v128.load(aSums, 16);
  let a2 = v128.load(aSums, 32);
  let a3 = v128.load(aSums, 48);
  let b0 = v128.load(bSums);
  let b1 = v128.load(bSums, 16);
  let b2 = v128.load(bSums, 32);
  let b3 = v128.load(bSums, 48);
  let c0 = v128.load(cSums);
  let c1 = v128.load(cSums, 16);
  let c2 = v128.load(cSums, 32);
  let c3 = v128.load(cSums, 48);
  for (; pair < end; pair += 8) {
    const offset = load<usize>(pair);
    const x = v128.load32_splat(pair, 4);
    let p = a + offset;
    a0 = madd(v128.load(p), x, a0);
    a1 = madd(v128.load(p, 16), x, a1);
    a2 = madd(v128.load(p, 32), x, a2);
    a3 = madd(v128.load(p, 48), x, a3);
    p = b + offset;
    b0 = madd(v128.load(p), x, b0);
    b1 = madd(v128.load(p, 16), x, b1);
    b2 = madd(v128.load(p, 32), x, b2);
    b3 = madd(v128.load(p, 48), x, b3);
    p = c + offset;
    c0 = madd(v128.load(p), x, c0);
    c1 = madd(v128.load(p, 16), x, c1);
    c2 = madd(v128.load(p, 32), x, c2);
    c3 = madd(v128.load(p, 48), x, c3);
  }
  v128.store(aSums, a0);
  v128.store(aSums, a1, 16);
  v128.store(aSums, a2, 32);
  v128.store(aSums, a3, 48);
  v128.store(bSums, b0);
  v128.store(bSums, b1, 16);
  v128.store(bSums, b2, 32);
  v128.store(bSums, b3, 48);
  v128.store(cSums, c0);
  v128.store(cSums, c1, 16);
  v128.store(cSums, c2, 32);
  v128.store(cSums, c3, 48);
}

/** Sums of a channel and 16 output channels at two taps. */
function twoTaps(pair: usize, end: usize, grad: usize, tap: usize, sums: usize): void {
  const a = grad + load<usize>(tap);
  const aSums = sums + load<usize>(tap, 4) * SUM_BYTES;
  const b = grad + load<usize>(tap, 8);
  const bSums = sums + load<usize>(tap, 12) * SUM_BYTES;
  let a0 = v128.load(aSums);
  let a1 = v128.load(aSums, 16);
  let a2 = v128.load(aSums, 32);
  let a3 = v128.load(aSums, 48);
  let b0 = v128.load(bSums);
  let b1 = v128.load(bSums, 16);
  let b2 = v128.load(bSums, 32);
  let b3 = v128.load(bSums, 48);
  for (; pair < end; pair += 8) {
    const offset = load<usize>(pair);
    const x = v128.load32_splat(pair, 4);
    let p = a + offset;
    a0 = madd(v128.load(p), x, a0);
    a1 = madd(v128.load(p, 16), x, a1);
    a2 = madd(v128.load(p, 32), x, a2);
    a3 = madd(v128.load(p, 48), x, a3);
    p = b + offset;
    b0 = madd(v128.load(p), x, b0);
    b1 = madd(v128.load(p, 16), x, b1);
    b2 = madd(v128.load(p, 32), x, b2);
    b3 = madd(v128.load(p, 48), x, b3);
  }
  v128.store(aSums, a0);
  v128.store(aSums, a1, 16);
  v128.store(aSums, a2, 32);
  v128.store(aSums, a3, 48);
  v128.store(bSums, b0);
  v128.store(bSums, b1, 16);
  v128.store(bSums, b2, 32);
  v128.store(bSums, b3, 48);
}

/** Sums of a channel and 16 output channels at one tap. */
function oneTap(pair: usize, end: usize, grad: usize, tap: usize, sums: usize): void {
  const a = grad + load<usize>(tap);
  const aSums = sums + load<usize>(tap, 4) * SUM_BYTES;
  let a0 = v128.load(aSums);
  let a1 = v128.load(aSums, 16);
  let a2 = v128.load(aSums, 32);
  let a3 = v128.load(aSums, 48);
  for (; pair < end; pair += 8) {
    const offset = load<usize>(pair);
    const x = v128.load32_splat(pair, 4);
    let p = a + offset;
    a0 = madd(v128.load(p), x, a0);
    a1 = madd(v128.load(p, 16), x, a1);
    a2 = madd(v128.load(p, 32), x, a2);
    a3 = madd(v128.load(p, 48), x, a3);
  }
  v128.store(aSums, a0);
  v128.store(aSums, a1, 16);
  v128.store(aSums, a2, 32);
  v128.store(aSums, a3, 48);
}

/** Pairs of channels of a group, panel by panel, tap by tap. */
function denseChunk(
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
      const grad = panelOf(job, c, panel);
      const source = load<usize>(job, SOURCE) + c * channelBytes;
      const sums = load<usize>(job, SUMS) + (panel * channels + c) * channelSums;
      // The last of an odd number of channels is its own neighbour: both are the same, and written twice.
      const alone = c % groupChannels == groupChannels - 1;
      if (!alone) c++;
      if (!grad) continue;
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
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums2, b0);
  v128.store(sums2, b1, 16);
  v128.store(sums2, b2, 32);
  v128.store(sums2, b3, 48);
}

/** result[k][c][tap] = sums of the panel for its filters, over channels [first, last). */
function writeSums(job: usize, panel: usize, first: usize, last: usize): void {
  const groupChannels = load<usize>(job, GROUP_CHANNELS);
  const filters = load<usize>(job, GROUP_FILTERS);
  const channels = load<usize>(job, GROUPS) * groupChannels;
  const taps = load<usize>(job, TAPS);
  while (first < last) {
    const group = first / groupChannels;
    const channel = first % groupChannels;
    const width = min(groupChannels - channel, last - first);
    const index = (group * filters) / 16 + panel;
    const firstFilter = max(index * 16, group * filters);
    const lastFilter = min(index * 16 + 16, (group + 1) * filters);
    const sums = load<usize>(job, SUMS) + (panel * channels + first) * taps * SUM_BYTES;
    const size = width * taps;
    for (let k = firstFilter; k < lastFilter; k++) {
      let s = sums + (k % 16) * 4;
      const filter = load<usize>(job, RESULT) + (k * groupChannels + channel) * taps * 4;
      if (k % 4 == 0 && k + 4 <= lastFilter) {
        const step: usize = groupChannels * taps * 4;
        let i: usize = 0;
        for (; i + 4 <= size; i += 4) {
          // prettier-ignore
          transpose4(
            v128.load(s), v128.load(s, SUM_BYTES), v128.load(s, 2 * SUM_BYTES), v128.load(s, 3 * SUM_BYTES),
            filter + i * 4, step,
          );
          s += 4 * SUM_BYTES;
        }
        for (; i < size; i++) {
          store<f32>(filter + i * 4, load<f32>(s));
          store<f32>(filter + step + i * 4, load<f32>(s, 4));
          store<f32>(filter + 2 * step + i * 4, load<f32>(s, 8));
          store<f32>(filter + 3 * step + i * 4, load<f32>(s, 12));
          s += SUM_BYTES;
        }
        k += 3;
      } else {
        for (let i: usize = 0; i < size; i++) {
          store<f32>(filter + i * 4, load<f32>(s));
          s += SUM_BYTES;
        }
      }
    }
    first += width;
  }
}
