/**
 * weightGrad on an array that schedules its sparser operand as it streams in: lanes hold output positions, rows the
 * channels of the scheduled operand, columns those of the other; where pairs are scheduled, rows hold output channels. Loops:
 * kernel positions, input channel sets, output channel sets, lines. Source: DNNsim's TensorDash training model (January 2020).
 */
import { countOnes, isMarkedFull } from "../../../../core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../../core/geometry.ts";
import { once } from "../../../../core/memoize.ts";
import { sourceExtent, windowGrids } from "../../../operation/channel-first.ts";
import { outputGradPairs } from "../../../operation/image-padding.ts";
import type { Operand } from "../../../operation/operation.ts";
import { imageStreams } from "../array-params.ts";
import { inputBanks, outputGradBanks, raisePositionConflicts } from "../operands/bank-map.ts";
import { gatherPositions, type PositionGrid } from "../operands/position-lanes.ts";
import { itself, type SetsAlike } from "../schedule/set-recorder.ts";
import { dispatchPairs, setAxis } from "../tile-dispatch.ts";
import { BANK_ENTRY_VALUES, type DynamicRun, isSparser, type SkippedOperand, scheduleSets } from "./dynamic-run.ts";
import { schedulePairs } from "./pair-schedule.ts";

type PositionRun = DynamicRun<"weightGrad">;

/**
 * Runs weightGrad, skipping the zeros of `operand`: one by name, "sparser" or "both". Returns what was scheduled for the last
 * stream of images, null for no work.
 */
export function runPositions(run: PositionRun, operand: SkippedOperand): Operand | "both" | null {
  const { params } = run;
  const g = run.operation.geometry;
  const P = outputHeight(g);
  const Q = outputWidth(g);
  if (g.N === 0 || g.C === 0 || g.K === 0 || P <= 0 || Q <= 0 || g.R === 0 || g.S === 0) return null;
  const { images, streams } = imageStreams(params, g.N);
  const grids = inputPositions(run, P, Q);
  const gradGrid: PositionGrid = { P, Q, startY: 0, startX: 0, stepY: 1, stepX: 1 };
  const key = ["bank conflicts", "weightGrad", params.banks, params.lanes, images];
  const conflicts = once(g, key, () => conflictsOfLines(run, grids, gradGrid, images));
  const { input, outputGrad } = run.operation.masks;
  // Without a zero all streams are the same.
  const [told, times] =
    isMarkedFull(input) && isMarkedFull(outputGrad) ? [Math.min(1, streams), streams] : [streams, 1];
  let byInput = false;
  for (let stream = 0; stream < streams; stream++) {
    byInput = operand === "sparser" ? inputIsSparser(run, stream * images, images) : operand === "input";
    countBanks(run, images * P * Q, conflicts, byInput);
    if (operand !== "both" && !byInput) {
      run.totals.imagePadding += outputGradPairs(run.operation, stream * images, (stream + 1) * images).outside;
    }
    for (let group = 0; group < g.groups && stream < told; group++) {
      const of = { firstImage: stream * images, images, group, times };
      if (operand === "both") dispatchBoth(run, grids, gradGrid, of);
      else dispatchPositions(run, byInput ? grids : [gradGrid], byInput, of);
    }
  }
  if (operand === "both") return operand;
  return byInput ? "input" : "outputGrad";
}

/** Which input elements the output positions read, for each kernel position in order. */
function inputPositions({ operation: { geometry: g } }: DynamicRun, P: number, Q: number): PositionGrid[] {
  const [stepY, stepX] = g.stride;
  const grids: PositionGrid[] = [];
  for (let r = 0; r < g.R; r++) {
    for (let s = 0; s < g.S; s++) {
      const startY = r * g.dilation[0] - g.padding[0];
      grids.push({ P, Q, startY, startX: s * g.dilation[1] - g.padding[2], stepY, stepX });
    }
  }
  return grids;
}

/** Whether the padded input has a larger share of zeros than outputGrad. */
function inputIsSparser({ operation }: PositionRun, firstImage: number, images: number): boolean {
  const { geometry: g, masks } = operation;
  const end = firstImage + images;
  const padded = (g.H + g.padding[0] + g.padding[1]) * (g.W + g.padding[2] + g.padding[3]);
  const inputSize = images * g.C * padded;
  const gradSize = images * g.K * outputHeight(g) * outputWidth(g);
  return isSparser(
    { zeros: inputSize - countOnes(masks.input, firstImage, end), size: inputSize },
    { zeros: gradSize - countOnes(masks.outputGrad, firstImage, end), size: gradSize },
  );
}

/** Conflicts of one pair of sets, summed over kernel positions and lines; a line waits for the worse of its operands. */
function conflictsOfLines(
  { operation: { geometry: g }, params }: DynamicRun,
  grids: readonly PositionGrid[],
  gradGrid: PositionGrid,
  images: number,
): number {
  const extent = sourceExtent("inputGrad", g, windowGrids("inputGrad", g));
  const ofGrad = new Int32Array(Math.ceil((images * gradGrid.P * gradGrid.Q) / params.lanes));
  raisePositionConflicts(outputGradBanks(g, extent, params.banks), gradGrid, images, params.lanes, ofGrad);
  const input = inputBanks(g, params.banks);
  const lines = new Int32Array(ofGrad.length);
  let conflicts = 0;
  for (const grid of grids) {
    lines.set(ofGrad);
    raisePositionConflicts(input, grid, images, params.lanes, lines);
    for (const count of lines) conflicts += count;
  }
  return conflicts;
}

/** Bank accesses of one stream: reads before zero skipping, in whole entries, writes of whole sets. */
function countBanks(run: DynamicRun, positions: number, conflicts: number, byInput: boolean): void {
  const { lanes, rows, columns } = run.params;
  const g = run.operation.geometry;
  const inputSets = Math.ceil(g.C / g.groups / (byInput ? rows : columns));
  const gradSets = Math.ceil(g.K / g.groups / (byInput ? columns : rows));
  const outerSets = g.groups * g.R * g.S * inputSets;
  const lines = gradSets * Math.ceil(positions / lanes);
  run.banks.reads += outerSets * BANK_ENTRY_VALUES * Math.ceil((lines * rows) / BANK_ENTRY_VALUES);
  run.banks.writes += outerSets * gradSets * Math.ceil((rows * columns) / BANK_ENTRY_VALUES);
  run.banks.conflicts += g.groups * inputSets * gradSets * conflicts;
}

/** A group of channels in a stream of images, of which there are `times`. */
interface StreamGroup {
  readonly times: number;
  readonly firstImage: number;
  readonly images: number;
  readonly group: number;
}

/** Dispatches the set pairs of one group; `grids` are the buffers of the scheduled operand, one each or one for all kernel positions. */
function dispatchPositions(
  run: PositionRun,
  grids: readonly PositionGrid[],
  byInput: boolean,
  { firstImage, images, group, times }: StreamGroup,
): void {
  const { lanes, rows, columns, tiles, dealing } = run.params;
  const g = run.operation.geometry;
  const outer = setAxis(g.C / g.groups, byInput ? rows : columns, g.R * g.S);
  const inner = setAxis(g.K / g.groups, byInput ? columns : rows);
  const mask = run.operation.masks[byInput ? "input" : "outputGrad"];
  const channels = (byInput ? g.C : g.K) / g.groups;
  const solid = byInput && run.operation.paddingAsNonzeros === true;
  const sets = byInput ? outer.sets : inner.sets;
  const lines = Math.ceil((images * grids[0].P * grids[0].Q) / lanes);
  const gather = (set: number, buffer: Int32Array) => {
    const grid = grids[Math.floor(set / sets)];
    const first = (set % sets) * rows;
    buffer.fill(0);
    for (let r = 0; r < rows && first + r < channels; r++) {
      const source = { mask, firstImage, images, channel: group * channels + first + r };
      gatherPositions(source, grid, solid, { buffer, row: r, rows, lanes });
    }
    return rows;
  };
  const alike = isMarkedFull(mask) ? alikeChannelSets(channels, rows) : itself;
  const costs = scheduleSets(run, sets * grids.length, lines, gather, alike);
  const scheduled = byInput ? "outer" : "inner";
  dispatchPairs({ outer, inner, scheduled, costs, tiles, dealing, carrySkip: true }, run.totals, times);
}

/** For each set of channels without a zero, kernel position after kernel position, the first one that holds the same. */
function alikeChannelSets(channels: number, size: number): SetsAlike {
  const sets = Math.ceil(channels / size);
  return (set) => ((set % sets) * size + size <= channels ? set - (set % sets) : set);
}

/** Schedules the pairs of one group; `inputGrids` has a grid for each kernel position. */
function dispatchBoth(
  run: PositionRun,
  inputGrids: readonly PositionGrid[],
  gradGrid: PositionGrid,
  { firstImage, images, group, times }: StreamGroup,
): void {
  const { lanes, rows, columns } = run.params;
  const g = run.operation.geometry;
  const { input, outputGrad } = run.operation.masks;
  const solid = run.operation.paddingAsNonzeros === true;
  const outer = setAxis(g.C / g.groups, columns, g.R * g.S);
  const inner = setAxis(g.K / g.groups, rows);
  const firstInput = group * (g.C / g.groups);
  const firstOutput = group * (g.K / g.groups);
  const job = {
    outer,
    inner,
    lines: Math.ceil((images * gradGrid.P * gradGrid.Q) / lanes),
    loadOuter: (set: number, live: number, buffer: Int32Array) => {
      const grid = inputGrids[Math.floor(set / outer.sets)];
      const first = firstInput + (set % outer.sets) * columns;
      for (let c = 0; c < live; c++) {
        const source = { mask: input, firstImage, images, channel: first + c };
        gatherPositions(source, grid, solid, { buffer, row: c, rows: columns, lanes });
      }
    },
    loadInner: (set: number, live: number, buffer: Int32Array) => {
      const first = firstOutput + set * rows;
      for (let r = 0; r < live; r++) {
        const source = { mask: outputGrad, firstImage, images, channel: first + r };
        gatherPositions(source, gradGrid, false, { buffer, row: r, rows, lanes });
      }
    },
    alikeOuter: isMarkedFull(input) ? alikeChannelSets(g.C / g.groups, columns) : itself,
    alikeInner: isMarkedFull(outputGrad) ? alikeChannelSets(g.K / g.groups, rows) : itself,
  };
  schedulePairs(run, job, times);
}
