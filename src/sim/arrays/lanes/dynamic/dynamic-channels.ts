/**
 * Forward and inputGrad on an array that schedules its sparser operand as it streams in: lanes hold channels, rows the
 * scheduled operand (windows or filters), columns the other; where pairs are scheduled, rows hold filters. Loops: window
 * sets, filter sets, lines.
 * Source: DNNsim's TensorDash training model (January 2020); stride phases are jobs of their own, as `channel-first.ts` cuts them.
 */
import { countOnes, isMarkedFull } from "../../../../core/bit-mask.ts";
import { sizeOf } from "../../../../core/geometry.ts";
import { once } from "../../../../core/memoize.ts";
import { type SourceExtent, sourceExtent, type WindowGrid, windowGrids } from "../../../operation/channel-first.ts";
import { weightPairs } from "../../../operation/image-padding.ts";
import { type Operand, sourceMaskOf } from "../../../operation/operation.ts";
import { imageStreams } from "../array-params.ts";
import { inputBanks, outputGradBanks, windowConflicts } from "../operands/bank-map.ts";
import { alikeWindowSets, gatherWindows, type SourceLanes, sourceLanes } from "../operands/source-lanes.ts";
import { alikeFilterSets, gatherFilters, type WeightLanes, weightLanes } from "../operands/weight-lanes.ts";
import type { SetsAlike } from "../schedule/set-recorder.ts";
import { dispatchPairs, setAxis } from "../tile-dispatch.ts";
import {
  BANK_ENTRY_VALUES,
  type DynamicRun,
  isSparser,
  type SkippedOperand,
  scheduleSets,
  type ZeroShare,
} from "./dynamic-run.ts";
import { schedulePairs } from "./pair-schedule.ts";

type ChannelRun = DynamicRun<"forward" | "inputGrad">;

/**
 * Runs a channel-first pass that skips the zeros of `operand`: one by name, "sparser" or "both". Returns what was scheduled
 * for the last stream of images, null for no work.
 */
export function runChannels(run: ChannelRun, operand: SkippedOperand): Operand | "both" | null {
  const { operation, params } = run;
  const { pass, geometry: g } = operation;
  const source: Operand = pass === "forward" ? "input" : "outputGrad";
  const channels = (pass === "forward" ? g.C : g.K) / g.groups;
  const filters = (pass === "forward" ? g.K : g.C) / g.groups;
  const grids = windowGrids(pass, g);
  if (g.N === 0 || channels === 0 || filters === 0 || grids.length === 0) return null;

  const extent = sourceExtent(pass, g, grids);
  const { images, streams } = imageStreams(params, g.N);
  const bySource = chooseStreams(run, source, operand, extent, { images, streams });
  const sourceStreams = bySource.filter((chosen) => chosen).length;
  const weightStreams = streams - sourceStreams;
  const banks = pass === "forward" ? inputBanks(g, params.banks) : outputGradBanks(g, extent, params.banks);

  for (const [index, grid] of grids.entries()) {
    const windows = images * grid.height * grid.width;
    for (const scheduled of ["source", "weight"] as const) {
      const times = (scheduled === "source" ? sourceStreams : weightStreams) * g.groups;
      if (times === 0) continue;
      const windowSet = scheduled === "source" ? params.rows : params.columns;
      const key = ["bank conflicts", pass, params.banks, index, images, windowSet];
      const conflicts = once(g, key, () => windowConflicts(banks, grid, images, windowSet));
      countBanks(run, grid, { windows, windowSet, filters, channels, conflicts, times });
    }
  }
  const solid = operation.paddingAsNonzeros === true;
  const lanesOf = (stream: number, group: number): SourceLanes => {
    const slice = { firstImage: stream * images, images, firstChannel: group * channels, channels };
    return sourceLanes({ mask: sourceMaskOf(operation), ...slice }, extent, params.lanes, solid);
  };
  const sourceOf = (lanes: SourceLanes, grid: WindowGrid): StreamSource => {
    const alike = (size: number) =>
      alikeWindowSets(lanes, { mask: sourceMaskOf(operation) }, grid, { images, size }, solid);
    return { lanes, grid, images, alike };
  };
  const weightsOf = (group: number) => weightLanes(operation.masks.weight, g, pass, group, params.lanes);
  if (operand !== "both" && weightStreams > 0) {
    run.totals.imagePadding += weightPairs(operation, weightStreams * images).outside;
  }
  const sourceMask = sourceMaskOf(operation);
  // Without a zero all streams are the same.
  const [told, times] = isMarkedFull(sourceMask) ? [Math.min(1, streams), streams] : [streams, 1];
  for (let group = 0; group < g.groups; group++) {
    if (operand === "both") {
      const weights = weightsOf(group);
      for (let stream = 0; stream < told; stream++) {
        const lanes = lanesOf(stream, group);
        for (const grid of grids) dispatchBoth(run, weights, sourceOf(lanes, grid), times);
      }
      continue;
    }
    if (weightStreams > 0) {
      const weights = weightsOf(group);
      for (const grid of grids) dispatchWeights(run, weights, grid, images, weightStreams);
    }
    for (let stream = 0; stream < told; stream++) {
      if (!bySource[stream]) continue;
      const lanes = lanesOf(stream, group);
      for (const grid of grids) dispatchSource(run, sourceOf(lanes, grid), filters, times);
    }
  }
  if (operand === "both") return operand;
  return bySource[streams - 1] ? source : "weight";
}

/** For each stream of images, whether the source is scheduled rather than the weights. Image padding counts as zeros. */
function chooseStreams(
  { operation }: ChannelRun,
  source: Operand,
  operand: SkippedOperand,
  extent: SourceExtent,
  { images, streams }: { readonly images: number; readonly streams: number },
): boolean[] {
  if (operand !== "sparser") return new Array<boolean>(streams).fill(operand === source);
  const sourceMask = sourceMaskOf(operation);
  const weightMask = operation.masks.weight;
  const weightSize = sizeOf(weightMask.shape);
  const weight: ZeroShare = { zeros: weightSize - countOnes(weightMask), size: weightSize };
  const size = images * sourceMask.shape[1] * (extent.bottom - extent.top) * (extent.right - extent.left);
  return Array.from({ length: streams }, (_, stream) => {
    const ones = countOnes(sourceMask, stream * images, (stream + 1) * images);
    return isSparser({ zeros: size - ones, size }, weight);
  });
}

/** Windows that ask the banks in sets of `windowSet`, so many times, with the conflicts of each line. */
interface BankedWindows {
  readonly windows: number;
  readonly windowSet: number;
  readonly filters: number;
  readonly channels: number;
  readonly conflicts: number;
  readonly times: number;
}

/** Reads ask for each window of each line, before zero skipping; writes count whole filter sets. */
function countBanks({ params, banks }: DynamicRun, grid: WindowGrid, accessed: BankedWindows): void {
  const { windows, windowSet, filters, channels, conflicts, times } = accessed;
  const filterSet = windowSet === params.rows ? params.columns : params.rows;
  const blocks = Math.ceil(channels / params.lanes);
  const filterSets = Math.ceil(filters / filterSet);
  const { sets, last } = setAxis(windows, windowSet);
  const writes = (live: number) => Math.ceil((live * filterSet) / BANK_ENTRY_VALUES);
  banks.reads += times * windows * grid.taps.length * blocks * filterSets;
  banks.writes += times * filterSets * ((sets - 1) * writes(windowSet) + writes(last));
  banks.conflicts += times * conflicts * blocks * filterSets;
}

function dispatchWeights(run: DynamicRun, weights: WeightLanes, grid: WindowGrid, images: number, times: number): void {
  const { rows, columns, tiles, dealing } = run.params;
  const inner = setAxis(weights.filters, rows);
  const outer = setAxis(images * grid.height * grid.width, columns);
  const gather = (set: number, buffer: Int32Array) => {
    gatherFilters(weights, grid.taps, set * rows, Math.min(rows, weights.filters - set * rows), buffer, rows);
    return rows;
  };
  const lines = grid.taps.length * weights.blocks;
  const costs = scheduleSets(run, inner.sets, lines, gather, alikeFilterSets(weights, rows));
  dispatchPairs({ outer, inner, scheduled: "inner", costs, tiles, dealing, carrySkip: true }, run.totals, times);
}

/** The source in a stream of images, seen through one grid. */
interface StreamSource {
  readonly lanes: SourceLanes;
  readonly grid: WindowGrid;
  readonly images: number;
  /** Sets of `size` windows that hold the same. */
  readonly alike: (size: number) => SetsAlike;
}

function dispatchSource(run: DynamicRun, source: StreamSource, filters: number, times: number): void {
  const { lanes, grid, images } = source;
  const { rows, columns, tiles, dealing } = run.params;
  const windows = images * grid.height * grid.width;
  const outer = setAxis(windows, rows);
  const inner = setAxis(filters, columns);
  const gather = (set: number, buffer: Int32Array) => {
    const live = Math.min(rows, windows - set * rows);
    gatherWindows(lanes, grid, set * rows, live, buffer, live);
    return live;
  };
  const costs = scheduleSets(run, outer.sets, grid.taps.length * lanes.blocks, gather, source.alike(rows));
  dispatchPairs({ outer, inner, scheduled: "outer", costs, tiles, dealing, carrySkip: true }, run.totals, times);
}

function dispatchBoth(run: DynamicRun, weights: WeightLanes, source: StreamSource, times: number): void {
  const { lanes, grid, images } = source;
  const { rows, columns } = run.params;
  const job = {
    outer: setAxis(images * grid.height * grid.width, columns),
    inner: setAxis(weights.filters, rows),
    lines: grid.taps.length * lanes.blocks,
    loadOuter: (set: number, live: number, buffer: Int32Array) =>
      gatherWindows(lanes, grid, set * columns, live, buffer, columns),
    loadInner: (set: number, live: number, buffer: Int32Array) =>
      gatherFilters(weights, grid.taps, set * rows, live, buffer, rows),
    alikeOuter: source.alike(columns),
    alikeInner: alikeFilterSets(weights, rows),
  };
  schedulePairs(run, job, times);
}
