/** Where the output channels of a group lie in the panels of a weight gradient. */
import { PANEL_CHANNELS, WeightGradRecord } from "../../records/weight-grad";

/** First panel of the group that a channel belongs to. */
export function firstPanelOf(job: WeightGradRecord, channel: usize): usize {
  return ((channel / job.groupChannels) * job.groupFilters) / PANEL_CHANNELS;
}

/** Panels of the group that a channel belongs to. */
export function panelsOf(job: WeightGradRecord, channel: usize): usize {
  const filters = job.groupFilters;
  const first = (channel / job.groupChannels) * filters;
  return (first + filters - 1) / PANEL_CHANNELS - first / PANEL_CHANNELS + 1;
}

/** Stores the sums of a tap. */
// @inline
export function storeSums(sums: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}
