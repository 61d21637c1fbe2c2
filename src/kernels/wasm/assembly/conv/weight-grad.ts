/**
 * weightGrad = outputGrad ∗ input over positions (block, row, column, lane), with outputGrad transposed to panels of 16
 * output channels. Positions come in chunks whose part of a panel stays in the cache.
 *
 * A unit is an input channel (sparse) or two (dense), times a part of the panels; it owns its sums, and a sum always adds
 * in the same order, so that the result does not depend on how units are split.
 */
import { transpose4 } from "./grad-transpose";
import { denseChunk } from "./weight-grad-dense";
import {
  BLOCKS,
  CHUNK_PIXELS,
  GRAD_BLOCK,
  GRAD_COLUMN,
  GRAD_ROW,
  GROUP_CHANNELS,
  GROUP_FILTERS,
  GROUP_PANELS,
  GROUPS,
  PARTS,
  PHASE_BYTES,
  PHASE_COLUMNS,
  PHASE_COUNT,
  PHASE_GRAD,
  PHASE_ROWS,
  PHASE_SOURCE,
  PHASE_SOURCE_COLUMN,
  PHASE_SOURCE_ROW,
  PHASES,
  PIXELS,
  RESULT,
  SOURCE_BLOCK,
  SUM_BYTES,
  SUMS,
  TAPS,
} from "./weight-grad-job";
import { sparseChunk } from "./weight-grad-sparse";

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
    if (++column === columns) {
      column = 0;
      if (++row === rows) {
        row = 0;
        block++;
      }
    }
  }
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
      if (k % 4 === 0 && k + 4 <= lastFilter) {
        const step: usize = groupChannels * taps * 4;
        let i: usize = 0;
        for (; i + 4 <= size; i += 4) {
          transpose4(
            v128.load(s),
            v128.load(s, SUM_BYTES),
            v128.load(s, 2 * SUM_BYTES),
            v128.load(s, 3 * SUM_BYTES),
            filter + i * 4,
            step,
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
