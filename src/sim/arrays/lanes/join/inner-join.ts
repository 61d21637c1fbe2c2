/**
 * Two-sided skipping: the operands of a pass as rows of 32-bit words along the reduction dimension, so that the effectual
 * pairs of two rows are the ones of their conjunction. Stationary rows are filters (weightGrad: output channels), streamed
 * rows are windows (weightGrad: an input channel at a kernel position).
 */
import { type BitMask, isMarkedFull } from "../../../../core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../../core/geometry.ts";
import { sourceExtent, windowGrids } from "../../../operation/channel-first.ts";
import { type Operation, type OperationOf, sourceMaskOf, type WeightOperation } from "../../../operation/operation.ts";
import { gatherPositions } from "../operands/position-lanes.ts";
import { alikeWindowSets, gatherWindows, sourceLanes } from "../operands/source-lanes.ts";
import { gatherFilters, weightLanes } from "../operands/weight-lanes.ts";
import { itself, type SetsAlike } from "../schedule/set-recorder.ts";

const WORD = 32;

/** One piece of an operation: all its stationary rows meet all its streamed rows. */
export interface JoinJob {
  /** Elements that a row reduces over. */
  readonly depth: number;
  /** Words of a row. */
  readonly words: number;
  /** Elements of word `index` of a row. */
  readonly elementsOf: (index: number) => number;
  readonly stationary: number;
  readonly streamed: number;
  /** Whether the stationary rows are known to be without a zero. */
  readonly isDense: boolean;
  /** Streamed rows that are known to hold the same. */
  readonly alike: SetsAlike;
  /** Writes stationary row `index` into target[0 … words). */
  readonly loadStationary: (index: number, target: Int32Array) => void;
  /** Writes streamed row `index` into target[0 … words). */
  readonly loadStreamed: (index: number, target: Int32Array) => void;
}

/** The jobs of an operation for images [firstImage, firstImage + images); none where there is no work. */
export function joinJobs(operation: Operation, firstImage: number, images: number): JoinJob[] {
  const { geometry: g } = operation;
  if (images === 0 || g.C === 0 || g.K === 0 || outputHeight(g) <= 0 || outputWidth(g) <= 0) return [];
  const jobs: JoinJob[] = [];
  for (let group = 0; group < g.groups; group++) {
    if (operation.pass === "weightGrad") jobs.push(...positionJobs(operation, group, firstImage, images));
    else jobs.push(...channelJobs(operation, group, firstImage, images));
  }
  return jobs;
}

function channelJobs(operation: WeightOperation, group: number, firstImage: number, images: number): JoinJob[] {
  const { pass, geometry: g, paddingAsNonzeros = false } = operation;
  const grids = windowGrids(pass, g);
  if (grids.length === 0) return [];
  const extent = sourceExtent(pass, g, grids);
  const channels = (pass === "forward" ? g.C : g.K) / g.groups;
  const mask = sourceMaskOf(operation);
  const weights = weightLanes(operation.masks.weight, g, pass, group, WORD);
  const slice = { mask, firstImage, images, firstChannel: group * channels, channels };
  const source = sourceLanes(slice, extent, WORD, paddingAsNonzeros);
  return grids.map((grid) => ({
    depth: grid.taps.length * channels,
    words: grid.taps.length * weights.blocks,
    elementsOf: (index) => Math.min(WORD, channels - (index % weights.blocks) * WORD),
    stationary: weights.filters,
    streamed: images * grid.height * grid.width,
    isDense: isMarkedFull(operation.masks.weight),
    alike: alikeWindowSets(source, slice, grid, { images, size: 1 }, paddingAsNonzeros),
    loadStationary: (index, target) => gatherFilters(weights, grid.taps, index, 1, target, 1),
    loadStreamed: (index, target) => gatherWindows(source, grid, index, 1, target, 1),
  }));
}

function positionJobs(
  { geometry: g, masks, paddingAsNonzeros = false }: OperationOf<"weightGrad">,
  group: number,
  firstImage: number,
  images: number,
): JoinJob[] {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const depth = images * P * Q;
  const plain = { P, Q, startY: 0, startX: 0, stepY: 1, stepX: 1 };
  const load = (mask: BitMask, channel: number, grid: typeof plain, solid: boolean, target: Int32Array) => {
    target.fill(0);
    gatherPositions({ mask, firstImage, images, channel }, grid, solid, {
      buffer: target,
      row: 0,
      rows: 1,
      lanes: WORD,
    });
  };
  return [
    {
      depth,
      words: Math.ceil(depth / WORD),
      elementsOf: (index) => Math.min(WORD, depth - index * WORD),
      stationary: outputs,
      streamed: inputs * g.R * g.S,
      isDense: isMarkedFull(masks.outputGrad),
      alike: isMarkedFull(masks.input) ? (index) => index % (g.R * g.S) : itself,
      loadStationary: (index, target) => load(masks.outputGrad, group * outputs + index, plain, false, target),
      loadStreamed(index, target) {
        const [r, s] = [Math.floor(index / g.S) % g.R, index % g.S];
        const startY = r * g.dilation[0] - g.padding[0];
        const startX = s * g.dilation[1] - g.padding[2];
        const grid = { P, Q, startY, startX, stepY: g.stride[0], stepX: g.stride[1] };
        load(masks.input, group * inputs + Math.floor(index / (g.R * g.S)), grid, paddingAsNonzeros, target);
      },
    },
  ];
}
