/**
 * Structured sparsity on a dense array: where every `m` consecutive channels of each filter of a set hold at most `n` nonzero
 * weights, the set's lines are packed m : n; a set that breaks the pattern anywhere runs dense. Only weights are looked at,
 * so that the weight gradient is dense. After NVIDIA's Ampere (A100 whitepaper, 2020), 2 of 4 along the reduction dimension.
 */

import { popcount32 } from "../../core/bit-mask.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator, Mapping } from "../hardware/accelerator.ts";
import { blockSelection } from "../hardware/block-selection.ts";
import { integer } from "../hardware/param-schemas.ts";
import { windowGrids } from "../operation/channel-first.ts";
import { pairsOfTaps } from "../operation/image-padding.ts";
import type { WeightOperation } from "../operation/operation.ts";
import { arrayMultipliers, arrayParams, imageStreams } from "./lanes/array-params.ts";
import { arrayResult } from "./lanes/array-result.ts";
import { denseTotals } from "./lanes/dense-array.ts";
import { alikeFilterSets, gatherFilters, weightLanes } from "./lanes/operands/weight-lanes.ts";
import { createSetCosts } from "./lanes/schedule/set-costs.ts";
import { type DispatchTotals, dispatchPairs, emptyTotals, setAxis } from "./lanes/tile-dispatch.ts";

const params = Type.Object(
  {
    ...arrayParams,
    n: integer([1, 32], "Nonzero weights that a block may hold; n = m: dense", 2),
    m: integer([1, 32], "Channels of a block; has to divide the lanes", 4),
  },
  { additionalProperties: false },
);

type SparseTensorCoreParams = Static<typeof params>;

const reduction = (lanes: string, rows: string, columns: string): Mapping => ({
  lanes,
  rows,
  columns,
  stationary: "output",
  skipped: "weight",
  referee: "formula: n / m of the dense lines",
});

/** The array with n : m structured weights. */
export const sparseTensorCore: Accelerator<typeof params> = {
  id: "sparse-tensor-core",
  modelVersion: 1,
  params,
  mappings: {
    forward: reduction("input channels", "filters", "windows"),
    inputGrad: reduction("output channels", "input channels", "windows of outputGrad, one stride phase at a time"),
    weightGrad: {
      ...reduction("output positions", "output channels", "input channels"),
      skipped: "none",
      referee: "formula: the dense array",
    },
  },
  paramFaults: patternFaults,
  multipliers: arrayMultipliers,
  withoutSkipping: (params) => ({ ...params, n: params.m }),
  skippingHardware: blockSelection,
  notCharged: () => ["packing weights n : m"],
  validation: () => "formula",
  run(operation, params) {
    const [fault] = patternFaults(params);
    if (fault !== undefined) throw new Error(`sparse-tensor-core: params.${fault}`);
    const count = { sets: 0, structuredSets: 0 };
    const totals =
      operation.pass === "weightGrad"
        ? denseTotals(operation.pass, operation.geometry, params)
        : structuredTotals(operation, params, count);
    const { scheduledPEs, idlePEs } = totals;
    return arrayResult(operation, params, totals, {
      reschedulingCycles: 0,
      scheduled: count.structuredSets > 0 && params.n < params.m ? "weight" : null,
      counters: { scheduledPEs, idlePEs, ...count },
    });
  },
};

function patternFaults({ n, m, lanes }: SparseTensorCoreParams): string[] {
  const faults = n > m ? [`n: must be at most m = ${m}, got ${n}`] : [];
  if (lanes % m !== 0) faults.push(`m: must divide lanes, got m ${m}, lanes ${lanes}`);
  return faults;
}

/** Whether a filter set holds the pattern, and the weights that it multiplies by kernel position. */
interface StructuredSet {
  readonly fits: boolean;
  readonly held: readonly number[];
}

/** Dispatches filter sets whose cost is all lines, or n / m of them where the pattern holds; counts both kinds. */
function structuredTotals(
  { pass, geometry: g, masks }: WeightOperation,
  { lanes, rows, columns, tiles, dealing, batch, n, m }: SparseTensorCoreParams,
  count: { sets: number; structuredSets: number },
): DispatchTotals {
  const totals = emptyTotals();
  const { images, streams } = imageStreams({ lanes, rows, columns, tiles, dealing, batch }, g.N);
  const grids = windowGrids(pass, g);
  const weightsByTap = new Array<number>(g.R * g.S).fill(0);
  for (let group = 0; group < g.groups && grids.length > 0; group++) {
    const weights = weightLanes(masks.weight, g, pass, group, lanes);
    const inner = setAxis(weights.filters, rows);
    for (const grid of grids) {
      const lines = grid.taps.length * weights.blocks;
      if (lines === 0) continue;
      const costs = createSetCosts(inner.sets, lines, 0);
      const buffer = new Int32Array(lines * rows);
      const channels = (pass === "forward" ? g.C : g.K) / g.groups;
      const alike = alikeFilterSets(weights, rows);
      const tapWords = weights.blocks * rows;
      const inspect = (set: number): StructuredSet => {
        const live = Math.min(rows, weights.filters - set * rows);
        gatherFilters(weights, grid.taps, set * rows, live, buffer, rows);
        const fits = holdsPattern(buffer, lanes, n, m);
        const held = grid.taps.map((_, tap) =>
          fits && n < m ? onesOf(buffer.subarray(tap * tapWords, (tap + 1) * tapWords)) : channels * live,
        );
        return { fits, held };
      };
      const known: StructuredSet[] = [];
      for (let set = 0; set < inner.sets; set++) {
        known[set] = known[alike(set)] ?? inspect(set);
        const { fits, held } = known[set];
        count.sets++;
        if (fits) count.structuredSets++;
        costs.rest[set] = fits ? Math.ceil((lines * n) / m) : lines;
        costs.ideal[set] = costs.rest[set];
        grid.taps.forEach(({ kernel }, tap) => {
          costs.nonzeros[set] += held[tap];
          weightsByTap[kernel] += held[tap];
        });
      }
      const outer = setAxis(images * grid.height * grid.width, columns);
      dispatchPairs({ outer, inner, scheduled: "inner", costs, tiles, dealing, carrySkip: false }, totals, streams);
    }
  }
  totals.imagePadding = pairsOfTaps(pass, g, weightsByTap).outside;
  return totals;
}

/** Whether every block of `m` lanes of every word holds at most `n` ones. */
function holdsPattern(words: Int32Array, lanes: number, n: number, m: number): boolean {
  const block = m === 32 ? -1 : (1 << m) - 1;
  for (let i = 0; i < words.length; i++) {
    for (let first = 0; first < lanes; first += m) {
      if (popcount32((words[i] >>> first) & block) > n) return false;
    }
  }
  return true;
}

function onesOf(words: Int32Array): number {
  return words.reduce((count, word) => count + popcount32(word), 0);
}
