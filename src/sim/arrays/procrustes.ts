/**
 * Sparse weights shared over the minibatch: rows of single-multiplier elements hold channels, columns hold images, so that all
 * images of a column group do the same nonzero weights at the same time; the rows of a group wait for the one with most of
 * them. The weight gradient, which SWAT keeps dense, does every product.
 * After Procrustes (Yang et al., MICRO 2020), its C × N mapping; its weight update of pruned weights only does not apply.
 */

import type { BitMask } from "../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../core/geometry.ts";
import { Type } from "../../core/input/schema.ts";
import { OPERANDS_OF, type Pass, RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import type { Accelerator } from "../hardware/accelerator.ts";
import { arraysParam, integer } from "../hardware/param-schemas.ts";
import { allPairs, weightPairs } from "../operation/image-padding.ts";
import { weightCounts } from "../operation/mac-counts.ts";

const params = Type.Object(
  {
    arrays: arraysParam(
      "Arrays of rows × columns side by side, sent the same weights; output positions and groups of images are dispatched to them",
    ),
    rows: integer([1, 4096], "Elements that hold channels", 16),
    columns: integer([1, 4096], "Elements that hold images", 16),
    skipping: Type.Boolean({ default: true, description: "false: every weight takes its turn" }),
  },
  { additionalProperties: false },
);

const channels = (rows: string, skipped: "weight" | "none") =>
  ({
    lanes: "nothing: one multiplier an element",
    rows,
    columns: "images",
    stationary: "weight",
    skipped,
    referee: "formula: slowest channel of each group × positions × image groups",
  }) as const;

/** The array with the minibatch on its columns. */
export const procrustes: Accelerator<typeof params> = {
  id: "procrustes",
  modelVersion: 1,
  params,
  mappings: {
    forward: channels("input channels", "weight"),
    inputGrad: channels("output channels", "weight"),
    weightGrad: { ...channels("input channels", "none"), stationary: "input" },
  },
  readsPlanes: true,
  multipliers: ({ arrays = 1, rows, columns }) => arrays * rows * columns,
  withoutSkipping: (params) => ({ ...params, skipping: false }),
  // A weight meets whatever stands in its row, so that its position is all there is to it.
  skippingHardware: ({ skipping }) =>
    skipping ? { operandMuxes: 0, productMuxes: 0, schedulerBits: 0, schedules: "compute", metadataBits: 1 } : null,
  notCharged: () => ["adding up weight gradients of different images"],
  validation: () => "formula",
  run(operation, { arrays = 1, rows, columns, skipping }) {
    const { pass, geometry: g } = operation;
    const skips = skipping && operation.pass !== "weightGrad";
    const windows = Math.max(0, outputHeight(g)) * Math.max(0, outputWidth(g));
    const imageGroups = Math.ceil(g.N / columns);
    const perWeight = Math.ceil((windows * imageGroups) / arrays);
    const dense = turnsOf(denseCounts(pass, g), rows);
    const sparse = skips ? turnsOf(nonzeroCounts(pass, g, operation.masks.weight), rows) : dense;
    const [a, b] = OPERANDS_OF[pass];
    const done = sparse.total * windows * g.N;
    const { inside } = skips ? weightPairs(operation) : allPairs(pass, g);
    return {
      cycles: sparse.slowest * perWeight,
      baseCycles: dense.slowest * perWeight,
      packedCycles: sparse.packed * perWeight,
      reschedulingCycles: 0,
      scheduled: skips ? "weight" : null,
      multiplierCycles: {
        occupied: inside,
        // Every weight meets every position; in inputGrad that is a gradient, whose product may fall outside the result.
        [pass === "inputGrad" ? "redundant" : "imagePadding"]: done - inside,
        imbalance: arrays * rows * columns * sparse.slowest * perWeight - done,
      },
      counters: { weightTurns: sparse.slowest, weights: sparse.total },
      onChipReads: { [a]: done, [b]: sparse.total * Math.ceil(imageGroups / arrays) },
      onChipWrites: perWeight === 0 ? 0 : sizeOf(SHAPE_OF[RESULT_OF[pass]](g)),
    };
  },
};

/** Weights that each channel on the rows does, group after group: [groups][channels]. */
function denseCounts(pass: Pass, g: ConvGeometry): number[][] {
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const [held, other] = pass === "inputGrad" ? [outputs, inputs] : [inputs, outputs];
  return Array.from({ length: g.groups }, () => new Array<number>(held).fill(other * g.R * g.S));
}

function nonzeroCounts(pass: Pass, g: ConvGeometry, weight: BitMask): number[][] {
  const taps = g.R * g.S;
  const ones = weightCounts(g, weight, pass === "inputGrad" ? "channels" : "filters");
  const perGroup = ones.length / taps / g.groups;
  return Array.from({ length: g.groups }, (_, group) =>
    Array.from({ length: perGroup }, (_, channel) => {
      const first = (group * perGroup + channel) * taps;
      return ones.subarray(first, first + taps).reduce((sum, count) => sum + count, 0);
    }),
  );
}

/** Turns of groups of `rows` channels that wait for the slowest, of perfectly balanced ones, and of all channels together. */
function turnsOf(counts: readonly (readonly number[])[], rows: number) {
  const turns = { slowest: 0, packed: 0, total: 0 };
  for (const group of counts) {
    for (let first = 0; first < group.length; first += rows) {
      const set = group.slice(first, first + rows);
      const sum = set.reduce((a, b) => a + b, 0);
      turns.slowest += Math.max(...set);
      turns.packed += Math.ceil(sum / rows);
      turns.total += sum;
    }
  }
  return turns;
}
