/**
 * Bit-Tactical: the tiles of DaDianNao with a static schedule of the weights, made in software whenever they change; zero
 * weights are filled from later lines, and lines that become empty are skipped. Activations follow through multiplexers.
 * The weight gradient has no weights to schedule and runs dense. Rows of a tile share the test for an empty line.
 * Source: Bit-Tactical (ASPLOS 2019), its front end (TCL) as modelled by DNNsim 4748a600.
 */

import { type BitMask, countOnes } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { once } from "../../core/memoize.ts";
import type { Accelerator, ComputeResult } from "../hardware/accelerator.ts";
import { integer } from "../hardware/param-schemas.ts";
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
import { scheduleSets } from "./lanes/dynamic/dynamic-run.ts";
import { inGoldenScope } from "./lanes/golden-scope.ts";
import { filterMappings } from "./lanes/mappings.ts";
import { type LineSchedule, lineJobs } from "./lanes/on-chip/line-jobs.ts";
import { runLines } from "./lanes/on-chip/run-lines.ts";
import { foldStrided, foldStridedWeights } from "./lanes/operands/space-to-depth.ts";
import { alikeFilterSets, gatherFilters, type WeightLanes, weightLanes } from "./lanes/operands/weight-lanes.ts";
import { keptLines } from "./lanes/schedule/kept-lines.ts";
import { searchMapOf } from "./lanes/schedule/search-map.ts";
import type { SetCosts } from "./lanes/schedule/set-costs.ts";
import { staticScheduler } from "./lanes/schedule/static-schedule.ts";
import { type DispatchTotals, dispatchPairs, emptyTotals, setAxis } from "./lanes/tile-dispatch.ts";

const params = Type.Object(
  {
    ...arrayParams,
    ...searchParams,
    ...offsetsParam,
    ...foldParam,
    reschedulingCyclesPerLine: integer(
      [0, 1_000_000],
      "Cycles that scheduling one line of one filter set takes, once per refresh of the top-k weights",
      1,
    ),
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
  mappings: filterMappings("weight", {
    forward: "exact: DNNsim",
    inputGrad: "property: the schedule that forward is exact on, conformance laws",
    weightGrad: "formula: the dense array",
  }),
  multipliers: arrayMultipliers,
  withoutSkipping: (params) => ({ ...params, lookahead: 0, lookaside: 0 }),
  skippingHardware(params) {
    if (params.lookahead === 0) return null;
    const candidates = 1 + searchMapOf(params).size;
    return {
      operandMuxes: candidates - 1,
      productMuxes: 0,
      // A row's schedule serves all of its columns.
      schedulerBits: candidates / params.columns,
      schedules: "rescheduling",
      metadataBits: Math.ceil(Math.log2(candidates)),
    };
  },
  validation(operation, params) {
    if (operation.pass === "weightGrad" || params.lookahead === 0) return "formula";
    return operation.pass === "forward" && inGoldenScope(operation, params) ? "exact" : "property";
  },
  run(operation, params) {
    if (operation.pass === "weightGrad") {
      return result(operation, params, denseTotals("weightGrad", operation.geometry, params), 0);
    }
    return runWeights(operation, params);
  },
  runLines(operation, params, line) {
    const geometry = foldStrided(operation, params.foldStridedInput);
    const schedule = operation.pass === "weightGrad" || params.lookahead === 0 ? null : lineSchedule(operation, params);
    const { streams } = imageStreams(params, geometry.N);
    return runLines(lineJobs(operation.pass, geometry, params, line, schedule), params, line, streams);
  },
};

/** The schedule as the on-chip buffers see it. A weight that may come from any entry of the search map says from which. */
function lineSchedule(operation: WeightOperation, params: BitTacticalParams): LineSchedule {
  const { geometry, weight } = foldStridedWeights(operation, params.foldStridedInput);
  const map = searchMapOf(params);
  const schedule = staticScheduler(map);
  return {
    lookahead: params.lookahead,
    selectBits: map.size === 0 ? 0 : Math.ceil(Math.log2(map.size)),
    kept(group, grid) {
      const weights = weightLanes(weight, geometry, operation.pass, group, params.lanes);
      const { rows, lookahead } = params;
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

function runWeights(operation: WeightOperation, params: BitTacticalParams): ComputeResult {
  const { pass } = operation;
  const { geometry: g, weight } = foldStridedWeights(operation, params.foldStridedInput);
  const totals = emptyTotals();
  const scheduler = { schedule: staticScheduler(searchMapOf(params)), vectors: null };
  const { images, streams } = imageStreams(params, g.N);
  const grids = windowGrids(pass, g);
  const hasZeros = countOnes(weight) < sizeOf(weight.shape);
  let scheduledLines = 0;
  for (let group = 0; group < g.groups && grids.length > 0; group++) {
    const weights = weightLanes(weight, g, pass, group, params.lanes);
    const inner = setAxis(weights.filters, params.rows);
    for (const grid of grids) {
      const costs = costsOnce(weight, [pass, g.groups, group], grid, params, () =>
        scheduleSets(
          { params, scheduler },
          inner.sets,
          grid.taps.length * weights.blocks,
          (set, buffer) => {
            gatherSet(weights, grid, set, params.rows, buffer);
            return params.rows;
          },
          alikeFilterSets(weights, params.rows),
        ),
      );
      if (costs.lines === 0) continue;
      if (hasZeros) scheduledLines += Math.ceil(inner.sets / params.tiles) * costs.lines;
      const outer = setAxis(images * grid.height * grid.width, params.columns);
      const { tiles, dealing } = params;
      dispatchPairs({ outer, inner, scheduled: "inner", costs, tiles, dealing, carrySkip: false }, totals, streams);
    }
  }
  // Of the convolution itself: folded, its padding is part of the image.
  totals.imagePadding = weightPairs(operation).outside;
  return result(operation, params, totals, scheduledLines);
}

/** What the filter sets of one job cost: scheduled once for all windows, images and machines of the same rows and search map. */
function costsOnce(
  mask: BitMask,
  part: readonly unknown[],
  grid: WindowGrid,
  params: BitTacticalParams,
  make: () => SetCosts,
): SetCosts {
  const { lanes, rows, lookahead, lookaside, shape, offsets } = params;
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
function result(
  op: Operation,
  params: BitTacticalParams,
  totals: DispatchTotals,
  scheduledLines: number,
): ComputeResult {
  const skips = op.pass !== "weightGrad" && params.lookahead > 0;
  const perRefresh = skips && totals.outputs > 0 ? scheduledLines * params.reschedulingCyclesPerLine : 0;
  return arrayResult(op, params, totals, {
    reschedulingCycles: Math.ceil(perRefresh / op.topKPeriod),
    scheduled: skips ? "weight" : null,
    counters: { scheduledPEs: totals.scheduledPEs, idlePEs: totals.idlePEs },
  });
}
