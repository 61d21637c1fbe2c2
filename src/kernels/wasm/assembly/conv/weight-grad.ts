/**
 * weightGrad = outputGrad ∗ input over positions (block, row, column, lane), with outputGrad transposed to panels of 16
 * output channels. Positions come in chunks whose part of a panel stays in the cache.
 *
 * A unit is an input channel (sparse) or two (dense), times a part of the panels; it owns its sums, and a sum always adds
 * in the same order, so that the result does not depend on how units are split.
 */

import { PAIR_BYTES, PANEL_CHANNELS, PhaseRecord, SUM_BYTES, WeightGradRecord } from "../../records/weight-grad";
import { transpose4 } from "./grad-transpose";
import { findPixels } from "./pixels";
import { denseChunk } from "./weight-grad-dense";
import { sparseChunk } from "./weight-grad-sparse";

/** Of the input that `saveInput` has saved with the table at `saved`. Units: parts of the panels × input channels. */
export function convWeightGradSparse(job: WeightGradRecord, saved: usize, from: usize, to: usize): void {
  const channels = job.groups * job.groupChannels;
  while (from < to) {
    const part = from / channels;
    const first = from % channels;
    const last = min(channels, first + to - from);
    sumChannels(job, part, first, last, saved, from);
    from += last - first;
  }
}

/** All elements. Units: parts of the panels × pairs of input channels of a group. */
export function convWeightGradDense(job: WeightGradRecord, from: usize, to: usize): void {
  const groupChannels = job.groupChannels;
  const groupPairs = (groupChannels + 1) / 2;
  const pairs = job.groups * groupPairs;
  while (from < to) {
    const part = from / pairs;
    const first = from % pairs;
    const last = min(pairs, first + to - from);
    // Channels of the pairs from first to last, in the numbering over all groups.
    const channel = (first / groupPairs) * groupChannels + (first % groupPairs) * 2;
    const end = (last / groupPairs) * groupChannels + (last % groupPairs) * 2;
    sumChannels(job, part, channel, end, 0, from);
    from += last - first;
  }
}

/** Sums of input channels [first, last) and the panels of a part; of the whole input where none is saved. */
function sumChannels(job: WeightGradRecord, part: usize, first: usize, last: usize, saved: usize, unit: usize): void {
  const groupPanels = job.groupPanels;
  const parts = job.parts;
  const firstPanel = (groupPanels * part) / parts;
  const lastPanel = (groupPanels * (part + 1)) / parts;
  const channels = job.groups * job.groupChannels;
  const channelSums = job.taps * SUM_BYTES;
  const chunkPixels = job.chunkPixels;
  const pixels = job.pixels + unit * chunkPixels * PAIR_BYTES;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    memory.fill(job.sums + (panel * channels + first) * channelSums, 0, (last - first) * channelSums);
  }
  for (let address = job.phases; address < job.phasesEnd; address += offsetof<PhaseRecord>()) {
    const phase = changetype<PhaseRecord>(address);
    const total = phase.rows * phase.columns * job.blocks;
    for (let pixel: usize = 0; pixel < total; pixel += chunkPixels) {
      const count = min(chunkPixels, total - pixel);
      findPixels(job, phase, pixel, count, pixels);
      if (saved === 0) denseChunk(job, phase, pixels, count, first, last, firstPanel, lastPanel);
      else {
        sparseChunk(job, phase, pixels, count, first, last, firstPanel, lastPanel, saved, unit);
        saved += channels * 4;
      }
    }
  }
  for (let panel = firstPanel; panel < lastPanel; panel++) writeSums(job, panel, first, last);
}

/** result[k][c][tap] = sums of the panel for its filters, over channels [first, last). */
function writeSums(job: WeightGradRecord, panel: usize, first: usize, last: usize): void {
  const groupChannels = job.groupChannels;
  const filters = job.groupFilters;
  const channels = job.groups * groupChannels;
  const taps = job.taps;
  while (first < last) {
    const group = first / groupChannels;
    const channel = first % groupChannels;
    const width = min(groupChannels - channel, last - first);
    const index = (group * filters) / PANEL_CHANNELS + panel;
    const firstFilter = max(index * PANEL_CHANNELS, group * filters);
    const lastFilter = min((index + 1) * PANEL_CHANNELS, (group + 1) * filters);
    const sums = job.sums + (panel * channels + first) * taps * SUM_BYTES;
    const size = width * taps;
    for (let k = firstFilter; k < lastFilter; k++) {
      let s = sums + (k % PANEL_CHANNELS) * 4;
      const filter = job.result + (k * groupChannels + channel) * taps * 4;
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
