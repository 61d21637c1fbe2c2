/**
 * A systolic array: a grid of multipliers through which two operands stream past the third, which stays (dataflow os, ws
 * or is). Every pass is a sequence of matrix products, cut into serial folds. With N:M sparsity the array holds only the n
 * slots of each block of m weights; weights that do not fit the pattern run dense, all or nothing for each operation.
 * Source: SCALE-Sim v3 fab89b7 (Samajdar et al.); padding, batch, groups and the gradients, which it lacks, are ours, and so are
 * several arrays and folds that overlap.
 */
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator, MultiplierCycles } from "../hardware/accelerator.ts";
import { blockSelection } from "../hardware/block-selection.ts";
import { arraysParam, choice, integer } from "../hardware/param-schemas.ts";
import { allPairs, pairsOfTaps } from "../operation/image-padding.ts";
import { OPERANDS_OF, type Operation } from "../operation/operation.ts";
import { addFolds, emptyFoldCounts, type FoldCounts } from "./systolic/fold-counts.ts";
import { type GemmJob, gemmJobs } from "./systolic/gemm-jobs.ts";
import { inGoldenScope } from "./systolic/golden-scope.ts";
import { keptSlots, type NOfM, type PackedWeights, packedWeights } from "./systolic/n-of-m.ts";
import { denseStorage, sparseStorage } from "./systolic/sparse-storage.ts";

const sparsity = Type.Object(
  {
    n: integer([1, 4096], "Weights kept of each block; m = dense", 1),
    m: integer([1, 4096], "Weights of a block, along the reduction", 1),
    mode: choice(
      ["layer", "row"],
      "layer",
      '"layer": all filters of a group keep the same positions; "row": each filter its own, chosen from the whole block of inputs that a row is given (dataflow ws only)',
    ),
    storage: choice(
      ["ellpack", "csr", "csc"],
      "ellpack",
      "Format in which sparse weights are counted; it costs no cycles",
    ),
  },
  {
    additionalProperties: false,
    default: { n: 1, m: 1, mode: "layer", storage: "ellpack" },
    description: "N:M sparsity of the weights that the array exploits; n = m is a dense array",
  },
);

const params = Type.Object(
  {
    arrays: arraysParam("Arrays of rows × columns side by side; folds, or parts of them, are dispatched to them"),
    rows: integer([1, 4096], "Rows of multipliers", 32),
    columns: integer([1, 4096], "Columns of multipliers", 32),
    dataflow: choice(
      ["os", "ws", "is"],
      "ws",
      "What stays in the array: outputs, weights or inputs (weightGrad: outputs, outputGrad or inputs)",
    ),
    batch: choice(
      ["image", "fold"],
      "image",
      '"image": images run one after the other; "fold": the windows (weightGrad: positions) of all images form one stream',
    ),
    overlap: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "A fold runs while the tile of the next one is loaded (os: the results of the last one leave); false: folds are serial",
      }),
    ),
    sparsity,
  },
  { additionalProperties: false },
);

/** Parameters of the systolic array. */
export type SystolicParams = Static<typeof params>;

const LANES = "one multiplier; the reduction runs in time (os) or along the rows (ws, is)";

/** The systolic array, in closed form. */
export const systolic: Accelerator<typeof params> = {
  id: "systolic",
  modelVersion: 1,
  params,
  mappings: {
    forward: {
      lanes: LANES,
      rows: "windows (os); kernel positions × input channels (ws, is)",
      columns: "filters (os, ws); windows (is)",
      stationary: "output (os), weight (ws) or input (is)",
      skipped: "weight",
      referee: "exact: SCALE-Sim v3, one image without padding, groups or dilation; formula: the same folds beyond",
    },
    inputGrad: {
      lanes: LANES,
      rows: "windows of outputGrad, one stride phase at a time (os); kernel positions of the phase × output channels (ws, is)",
      columns: "input channels (os, ws); windows (is)",
      stationary: "output (os), weight (ws) or outputGrad (is)",
      skipped: "weight",
      referee: "formula: the folds that forward is exact on",
    },
    weightGrad: {
      lanes: LANES,
      rows: "input channels × kernel positions (os); output positions (ws, is)",
      columns: "output channels (os, ws); input channels × kernel positions (is)",
      stationary: "output (os), outputGrad (ws) or input (is)",
      skipped: "none",
      referee: "formula: the folds that forward is exact on",
    },
  },
  paramFaults: sparsityFaults,
  multipliers: ({ arrays = 1, rows, columns }) => arrays * rows * columns,
  withoutSkipping: (params) => ({ ...params, sparsity: { ...params.sparsity, n: params.sparsity.m } }),
  skippingHardware: ({ sparsity }) => blockSelection(sparsity),
  notCharged: () => ["laying out the windows of a convolution as rows of a matrix"],
  validation: (operation, params) =>
    (params.arrays ?? 1) === 1 && params.overlap !== true && inGoldenScope(operation, params.sparsity)
      ? "exact"
      : "formula",
  run(operation, params) {
    checkSparsity(params);
    const { pass, geometry } = operation;
    const jobs = gemmJobs(pass, geometry, params.batch);
    const dense = countFolds(jobs, params);
    const packed = packedIfStructured(operation, jobs, params.sparsity);
    const structured = packed !== null;
    const counts = structured ? countFolds(jobs, params, params.sparsity) : dense;
    const images = params.batch === "fold" ? 1 : geometry.N;
    const storage = structured
      ? sparseStorage(params.sparsity.storage, jobs, geometry.groups, packed.nonzeros, params.sparsity)
      : denseStorage(pass === "weightGrad" ? [] : jobs, geometry.groups);
    const [first, second] = OPERANDS_OF[pass];
    const [left, right] = pass === "weightGrad" ? [second, first] : [first, second];
    return {
      cycles: counts.cycles,
      baseCycles: dense.cycles,
      packedCycles: counts.cycles,
      reschedulingCycles: 0,
      scheduled: structured ? "weight" : null,
      multiplierCycles: multiplierCyclesOf(operation, counts, packed),
      counters: {
        folds: counts.folds,
        mappedPEs: counts.mappedPEs,
        // Row-wise, filters with fewer than n nonzeros in a block leave slots empty.
        usedPEs: structured && params.sparsity.mode === "row" ? packed.nonzeros * images : counts.mappedPEs,
        busyPECycles: counts.busyPECycles,
        structured: structured ? 1 : 0,
        ...storage,
      },
      onChipReads: { [left]: counts.leftReads, [right]: counts.rightReads },
      onChipWrites: counts.writes,
    };
  },
};

/** Folds of all products, packed to `pattern` if there is one. */
function countFolds(jobs: readonly GemmJob[], params: SystolicParams, pattern?: NOfM): FoldCounts {
  const counts = emptyFoldCounts();
  for (const { m, n, k, times } of jobs) {
    const slots = pattern === undefined ? k : keptSlots(k, pattern);
    // Row-wise, each filter picks from all the inputs of a block.
    const readK = pattern?.mode === "row" ? k : slots;
    addFolds({ m, n, k: slots, readK }, params, times, counts);
  }
  return counts;
}

/** Slots of a block that hold no weight are a set that is not full. */
function multiplierCyclesOf(
  { pass, geometry }: Operation,
  counts: FoldCounts,
  packed: PackedWeights | null,
): MultiplierCycles {
  const { busyPECycles, fillDrain, lanePadding, imbalance } = counts;
  const { inside, outside } = packed === null ? allPairs(pass, geometry) : pairsOfTaps(pass, geometry, packed.held);
  const empty = busyPECycles - inside - outside;
  return { occupied: inside, imagePadding: outside, lanePadding, imbalance: imbalance + empty, fillDrain };
}

/** The weights where the array runs them packed; null where it runs dense. */
function packedIfStructured(
  { pass, geometry, masks }: Operation,
  jobs: readonly GemmJob[],
  pattern: NOfM,
): PackedWeights | null {
  if (pass === "weightGrad" || pattern.n === pattern.m || jobs.length === 0) return null;
  return packedWeights(pass, masks.weight, geometry, jobs, pattern);
}

function checkSparsity(params: SystolicParams): void {
  const [fault] = sparsityFaults(params);
  if (fault !== undefined) throw new Error(`systolic: ${fault}`);
}

function sparsityFaults({ dataflow, sparsity: { n, m, mode } }: SystolicParams): string[] {
  const faults = n > m ? [`sparsity: n must be at most m = ${m}, got ${n}`] : [];
  if (mode === "row" && n < m && dataflow !== "ws") {
    faults.push(
      `sparsity: mode "row" needs dataflow "ws", where a row takes a whole block of inputs, got "${dataflow}"; take mode "layer"`,
    );
  }
  return faults;
}
