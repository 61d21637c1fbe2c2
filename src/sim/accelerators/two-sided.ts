/**
 * Two-sided skipping by inner joins: a unit multiplies only pairs of two nonzeros, which it finds by joining the bit masks
 * of its filter and of the window that its cluster receives. The units of a cluster wait for the slowest at every window;
 * clusters run freely and wait at the end. Greedy balancing gives each unit a dense filter and a sparse one.
 * After SparTen (Gondimalla et al., MICRO 2019), its clusters and its balancing by whole filters (GB-S).
 */
import { type Static, Type } from "typebox";
import { popcount32 } from "../../kernels/bit-mask.ts";
import { sizeOf } from "../../kernels/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../trace/passes.ts";
import type { Accelerator, ComputeResult } from "../accelerator.ts";
import { allPairs } from "../image-padding.ts";
import { type JoinJob, joinJobs } from "../lanes/inner-join.ts";
import { joinedOnes } from "../lanes/joined-ones.ts";
import { OPERANDS_OF, type Operation } from "../operation.ts";

const params = Type.Object(
  {
    units: Type.Integer({
      minimum: 1,
      maximum: 4096,
      default: 32,
      description: "Units of a cluster; each joins one or two filters",
    }),
    clusters: Type.Integer({
      minimum: 1,
      maximum: 4096,
      default: 32,
      description: "Clusters; windows are dealt to them in turn",
    }),
    lanes: Type.Integer({ minimum: 1, maximum: 64, default: 1, description: "Multipliers of a unit" }),
    balance: Type.Enum(["greedy", "none"], {
      default: "greedy",
      description:
        "greedy: where there are more filters than units, a unit takes the densest and the sparsest filter left; none: one each, in order",
    }),
    batch: Type.Enum(["image", "fold"], {
      default: "fold",
      description: "image: clusters wait at the end of every image",
    }),
    skipping: Type.Boolean({ default: true, description: "false: every pair, nonzero or not" }),
  },
  { additionalProperties: false },
);

type TwoSidedParams = Static<typeof params>;

const reduction = (lanes: string, rows: string, columns: string) =>
  ({
    lanes,
    rows,
    columns,
    stationary: "weight",
    skipped: "both",
    referee: "property: joined pairs equal effectual MACs; conformance laws",
  }) as const;

/** A join takes the masks of a chunk: a priority encoder finds the pair, a prefix sum for each operand its address. */
const JOINED_BITS = 128;
const JOIN_CIRCUITS = 3;

/** The array of joining units. */
export const twoSided: Accelerator<typeof params> = {
  id: "two-sided",
  modelVersion: 1,
  params,
  mappings: {
    forward: reduction("input channels and kernel positions", "filters (units)", "windows (clusters)"),
    inputGrad: reduction(
      "output channels and kernel positions",
      "input channels (units)",
      "windows of outputGrad (clusters)",
    ),
    weightGrad: {
      ...reduction("output positions", "output channels (units)", "input channels and kernel positions (clusters)"),
      stationary: "outputGrad",
    },
  },
  multipliers: ({ units, clusters, lanes }) => units * clusters * lanes,
  withoutSkipping: (own) => ({ ...own, skipping: false }),
  skippingHardware: ({ skipping }) =>
    skipping
      ? {
          operandMuxes: 0,
          productMuxes: 0,
          schedulerBits: JOINED_BITS * JOIN_CIRCUITS,
          schedules: "compute",
          metadataBits: 1,
        }
      : null,
  validation: () => "property",
  // Folded, clusters wait only at the end: the more they do, the better their work evens out.
  cuts: ({ pass }, own) =>
    own.skipping && own.batch === "image" && pass !== "weightGrad"
      ? [{ axis: "images", size: 1, once: false, edges: 0 }]
      : [],
  run(operation, own) {
    const { geometry } = operation;
    const fold = own.batch === "fold";
    const streams = fold ? 1 : geometry.N;
    const total: JoinTotals = { cycles: 0, baseCycles: 0, macs: 0, perfect: 0 };
    for (let stream = 0; stream < streams; stream++) {
      for (const job of joinJobs(operation, stream, fold ? geometry.N : 1)) addJob(job, own, total);
    }
    return resultOf(operation, own, total);
  },
};

interface JoinTotals {
  cycles: number;
  baseCycles: number;
  /** Pairs of two nonzeros. */
  macs: number;
  perfect: number;
}

/** Joins every stationary row with every streamed row of a job and adds what its clusters take. */
function addJob(job: JoinJob, own: TwoSidedParams, total: JoinTotals): void {
  const { units, clusters, lanes, skipping } = own;
  const rows = new Int32Array(job.stationary * job.words);
  const nonzeros = new Int32Array(job.stationary);
  for (let k = 0; k < job.stationary; k++) {
    const row = rows.subarray(k * job.words, (k + 1) * job.words);
    job.loadStationary(k, row);
    for (let i = 0; i < job.words; i++) nonzeros[k] += popcount32(row[i]);
  }
  const unitOf = assignUnits(nonzeros, own);
  const unitCount = job.stationary === 0 ? 0 : Math.max(...unitOf) + 1;
  const sets = Math.ceil(unitCount / units);
  const filtersOf = new Int32Array(unitCount);
  for (const unit of unitOf) filtersOf[unit]++;

  const window = new Int32Array(job.words);
  const joined = new Int32Array(unitCount);
  const busy = new Float64Array(clusters);
  const baseBusy = new Float64Array(clusters);
  const baseCycles = Float64Array.from({ length: sets }, (_, set) => {
    const most = filtersOf.subarray(set * units, (set + 1) * units).reduce((a, b) => Math.max(a, b), 0);
    return Math.ceil((most * job.depth) / lanes);
  });
  const join = joinedOnes(rows, job.stationary, job.words);
  const isDense = nonzeros.every((ones) => ones === job.depth);
  let next = 0;
  let macs = 0;
  for (let w = 0; w < job.streamed; w++) {
    if (skipping) {
      joined.fill(0);
      job.loadStreamed(w, window);
      let streamed = 0;
      for (let i = 0; i < job.words; i++) streamed += popcount32(window[i]);
      const pairs = isDense ? null : streamed === job.depth ? nonzeros : join(window);
      for (let k = 0; k < job.stationary; k++) {
        const ones = pairs === null ? streamed : pairs[k];
        joined[unitOf[k]] += ones;
        macs += ones;
      }
    }
    for (let set = 0; set < sets; set++) {
      let slowest = 0;
      const end = Math.min((set + 1) * units, unitCount);
      for (let unit = set * units; unit < end; unit++) if (joined[unit] > slowest) slowest = joined[unit];
      baseBusy[next] += baseCycles[set];
      busy[next] += skipping ? Math.ceil(slowest / lanes) : baseCycles[set];
      next = (next + 1) % clusters;
    }
  }
  const pairs = skipping ? macs : job.stationary * job.streamed * job.depth;
  total.cycles += busy.reduce((a, b) => Math.max(a, b), 0);
  total.baseCycles += baseBusy.reduce((a, b) => Math.max(a, b), 0);
  total.macs += pairs;
  total.perfect += Math.ceil(pairs / (units * clusters * lanes));
}

/** Unit of each filter; with greedy balancing filters are paired, the densest with the sparsest, denser pairs first. */
function assignUnits(nonzeros: Int32Array, { balance, units }: TwoSidedParams): Int32Array {
  const filters = nonzeros.length;
  const unitOf = new Int32Array(filters);
  if (balance === "none" || filters <= units) return unitOf.map((_, k) => k);
  const order = Array.from(nonzeros.keys()).sort((a, b) => nonzeros[b] - nonzeros[a] || a - b);
  order.forEach((k, rank) => {
    unitOf[k] = Math.min(rank, filters - 1 - rank);
  });
  return unitOf;
}

function resultOf(
  operation: Operation,
  { skipping, units, clusters, lanes }: TwoSidedParams,
  total: JoinTotals,
): ComputeResult {
  const { pass, geometry } = operation;
  const [a, b] = OPERANDS_OF[pass];
  const imagePadding = skipping ? 0 : allPairs(pass, geometry).outside;
  return {
    cycles: total.cycles,
    baseCycles: total.baseCycles,
    packedCycles: Math.min(total.perfect, total.cycles),
    reschedulingCycles: 0,
    scheduled: skipping ? "both" : null,
    counters: { macs: total.macs },
    slots: {
      occupied: total.macs - imagePadding,
      imagePadding,
      imbalance: units * clusters * lanes * total.cycles - total.macs,
    },
    onChipReads: { [a]: total.macs, [b]: total.macs },
    onChipWrites: total.cycles === 0 ? 0 : sizeOf(SHAPE_OF[RESULT_OF[pass]](geometry)),
  };
}
