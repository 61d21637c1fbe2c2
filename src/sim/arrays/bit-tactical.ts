/**
 * Bit-Tactical: the tiles of DaDianNao with a static schedule of the weights, made in software whenever they change; zero
 * weights are filled from later lines, and lines that become empty are skipped. Activations follow through multiplexers.
 * The weight gradient has no weights to schedule and runs dense. Rows of a tile share the test for an empty line.
 * Source: Bit-Tactical (ASPLOS 2019), its front end (TCL) as modelled by DNNsim 4748a600.
 */
import { type Static, Type } from "typebox";
import { type BitMask, countOnes } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import { once } from "../../core/memoize.ts";
import type { Accelerator, ComputeResult } from "../hardware/accelerator.ts";
import { type WindowGrid, windowGrids } from "../operation/channel-first.ts";
import { weightPairs } from "../operation/image-padding.ts";
import type { Operation, WeightOperation } from "../operation/operation.ts";
import {
  arrayMultipliers,
  arrayParams,
  foldParam,
  imageStreams,
  offsetsParam,
  searchParams,
} from "./lanes/array-params.ts";
import { arrayResult } from "./lanes/array-result.ts";
import { denseTotals } from "./lanes/dense-array.ts";
import { scheduleSets } from "./lanes/dynamic-run.ts";
import { inGoldenScope } from "./lanes/golden-scope.ts";
import { keptLines } from "./lanes/kept-lines.ts";
import { type LineSchedule, lineJobs } from "./lanes/on-chip/line-jobs.ts";
import { runLines } from "./lanes/on-chip/run-lines.ts";
import { searchMapOf } from "./lanes/search-map.ts";
import type { SetCosts } from "./lanes/set-costs.ts";
import { foldStrided, foldStridedWeights } from "./lanes/space-to-depth.ts";
import { staticScheduler } from "./lanes/static-schedule.ts";
import { type DealTotals, dealPairs, emptyTotals, setAxis } from "./lanes/tile-dispatch.ts";
import { gatherFilters, type WeightLanes, weightLanes } from "./lanes/weight-lanes.ts";

const params = Type.Object(
  {
    ...arrayParams,
    ...searchParams,
    ...offsetsParam,
    ...foldParam,
    reschedulingCyclesPerLine: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 1,
      description: "Cycles that scheduling one line of one filter set takes, once per refresh of the top-k weights",
    }),
  },
  { additionalProperties: false },
);

/** Parameters of Bit-Tactical. */
export type BitTacticalParams = Static<typeof params>;

/** The statically scheduled array. */
export const bitTactical: Accelerator<typeof params> = {
  id: "bit-tactical",
  modelVersion: 1,
  params,
  mappings: {
    forward: {
      lanes: "input channels",
      rows: "filters",
      columns: "windows",
      stationary: "output",
      skipped: "weight",
      referee: "exact: DNNsim",
    },
    inputGrad: {
      lanes: "output channels",
      rows: "input channels",
      columns: "windows of outputGrad, one stride phase at a time",
      stationary: "output",
      skipped: "weight",
      referee: "property: the schedule that forward is exact on, conformance laws",
    },
    weightGrad: {
      lanes: "output positions",
      rows: "output channels",
      columns: "input channels, one kernel position at a time",
      stationary: "output",
      skipped: "none",
      referee: "formula: the dense array",
    },
  },
  multipliers: arrayMultipliers,
  withoutSkipping: (own) => ({ ...own, lookahead: 0, lookaside: 0 }),
  skippingHardware(own) {
    if (own.lookahead === 0) return null;
    const candidates = 1 + searchMapOf(own).size;
    return {
      operandMuxes: candidates - 1,
      productMuxes: 0,
      // A row's schedule serves all of its columns.
      schedulerBits: candidates / own.columns,
      schedules: "rescheduling",
      metadataBits: Math.ceil(Math.log2(candidates)),
    };
  },
  validation(operation, own) {
    if (operation.pass === "weightGrad" || own.lookahead === 0) return "formula";
    return operation.pass === "forward" && inGoldenScope(operation, own) ? "exact" : "property";
  },
  run(operation, own) {
    if (operation.pass === "weightGrad") {
      return result(operation, own, denseTotals("weightGrad", operation.geometry, own), 0);
    }
    return runWeights(operation, own);
  },
  runLines(operation, own, line) {
    const geometry = foldStrided(operation, own.foldStridedInput);
    const schedule = operation.pass === "weightGrad" || own.lookahead === 0 ? null : lineSchedule(operation, own);
    const { streams } = imageStreams(own, geometry.N);
    return runLines(lineJobs(operation.pass, geometry, own, line, schedule), own, line, streams);
  },
};

/** The schedule as the on-chip buffers see it. A weight that may come from any entry of the search map says from which. */
function lineSchedule(operation: WeightOperation, own: BitTacticalParams): LineSchedule {
  const { geometry, weight } = foldStridedWeights(operation, own.foldStridedInput);
  const map = searchMapOf(own);
  const schedule = staticScheduler(map);
  return {
    lookahead: own.lookahead,
    selectBits: map.size === 0 ? 0 : Math.ceil(Math.log2(map.size)),
    kept(group, grid) {
      const weights = weightLanes(weight, geometry, operation.pass, group, own.lanes);
      const { rows, lookahead } = own;
      const lines = grid.taps.length * weights.blocks;
      const buffer = new Int32Array((lines + lookahead) * rows);
      return Array.from({ length: Math.ceil(weights.filters / rows) }, (_, set) => {
        gatherSet(weights, grid, set, rows, buffer);
        schedule(buffer, lines, rows);
        return keptLines(buffer, lines, rows, lookahead);
      });
    },
  };
}

function runWeights(operation: WeightOperation, own: BitTacticalParams): ComputeResult {
  const { pass } = operation;
  const { geometry: g, weight } = foldStridedWeights(operation, own.foldStridedInput);
  const totals = emptyTotals();
  const scheduler = { schedule: staticScheduler(searchMapOf(own)), vectors: null };
  const { images, streams } = imageStreams(own, g.N);
  const grids = windowGrids(pass, g);
  const hasZeros = countOnes(weight) < sizeOf(weight.shape);
  let scheduledLines = 0;
  for (let group = 0; group < g.groups && grids.length > 0; group++) {
    const weights = weightLanes(weight, g, pass, group, own.lanes);
    const inner = setAxis(weights.filters, own.rows);
    for (const grid of grids) {
      const costs = costsOnce(weight, [pass, g.groups, group], grid, own, () =>
        scheduleSets({ params: own, scheduler }, inner.sets, grid.taps.length * weights.blocks, (set, buffer) => {
          gatherSet(weights, grid, set, own.rows, buffer);
          return own.rows;
        }),
      );
      if (costs.lines === 0) continue;
      if (hasZeros) scheduledLines += Math.ceil(inner.sets / own.tiles) * costs.lines;
      const outer = setAxis(images * grid.height * grid.width, own.columns);
      const { tiles, dealing } = own;
      dealPairs({ outer, inner, scheduled: "inner", costs, tiles, dealing, carrySkip: false }, totals, streams);
    }
  }
  // Of the convolution itself: folded, its padding is part of the image.
  totals.imagePadding = weightPairs(operation).outside;
  return result(operation, own, totals, scheduledLines);
}

/** What the filter sets of one job cost: scheduled once for all windows, images and machines of the same rows and search map. */
function costsOnce(
  mask: BitMask,
  part: readonly unknown[],
  grid: WindowGrid,
  own: BitTacticalParams,
  make: () => SetCosts,
): SetCosts {
  const { lanes, rows, lookahead, lookaside, shape, offsets } = own;
  const taps = grid.taps.map(({ kernel }) => kernel);
  return once(mask, ["static schedule", ...part, taps, lanes, rows, lookahead, lookaside, shape, offsets], make);
}

/** Gathers filter set `set` over the taps of one job. */
function gatherSet(weights: WeightLanes, { taps }: WindowGrid, set: number, rows: number, buffer: Int32Array): void {
  gatherFilters(weights, taps, set * rows, Math.min(rows, weights.filters - set * rows), buffer, rows);
}

/**
 * `scheduledLines`: lines of the filter sets that the busiest tile schedules, summed over groups and stride phases, which
 * follow one another; tiles schedule their sets side by side. Assumed: one schedule serves all steps of a top-k period,
 * although weights near the threshold come and go in between. Weights without a zero need no schedule.
 */
function result(op: Operation, own: BitTacticalParams, totals: DealTotals, scheduledLines: number): ComputeResult {
  const skips = op.pass !== "weightGrad" && own.lookahead > 0;
  const perRefresh = skips && totals.outputs > 0 ? scheduledLines * own.reschedulingCyclesPerLine : 0;
  return arrayResult(op, own, totals, {
    reschedulingCycles: Math.ceil(perRefresh / op.topKPeriod),
    scheduled: skips ? "weight" : null,
    counters: { scheduledPEs: totals.scheduledPEs, idlePEs: totals.idlePEs },
  });
}
