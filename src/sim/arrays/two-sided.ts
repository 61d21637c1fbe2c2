/**
 * Two-sided skipping by inner joins: a unit multiplies only pairs of two nonzeros, which it finds by joining the bit masks
 * of its filter and of the window that its cluster receives. A window comes chunk by chunk, and the units of a cluster wait for the
 * slowest at every chunk, which takes a cycle even without a pair; clusters run freely and wait at the end. Greedy balancing gives
 * each unit a dense filter and a sparse one; sorting the filters takes time whenever their zeros change.
 * After SparTen (Gondimalla et al., MICRO 2019), its clusters and its balancing by whole filters (GB-S).
 */

import { popcount32 } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import type { Accelerator, ComputeResult } from "../hardware/accelerator.ts";
import { choice, integer } from "../hardware/param-schemas.ts";
import { allPairs } from "../operation/image-padding.ts";
import { OPERANDS_OF, type Operation } from "../operation/operation.ts";
import { type JoinJob, joinJobs } from "./lanes/join/inner-join.ts";
import { joinedOnes } from "./lanes/join/joined-ones.ts";
import { itself } from "./lanes/schedule/set-recorder.ts";

const params = Type.Object(
  {
    units: integer([1, 4096], "Units of a cluster; each joins one or two filters", 32),
    clusters: integer([1, 4096], "Clusters; windows are dispatched to them in turn", 32),
    lanes: integer([1, 64], "Multipliers of a unit", 1),
    balance: choice(
      ["greedy", "none"],
      "greedy",
      "greedy: where there are more filters than units, a unit takes the densest and the sparsest filter left; none: one each, in order",
    ),
    chunk: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65536,
        multipleOf: 128,
        default: 128,
        description:
          "Elements that a join takes at a time, channels of a kernel position filled up to 32; units wait for each other after each chunk. 0: after each window",
      }),
    ),
    sortingCyclesPerFilter: Type.Optional(
      integer(
        [0, 1_000_000],
        "Cycles that putting one filter into its place takes, greedily balanced, once per refresh of the top-k weights (weightGrad: once a step)",
        1,
      ),
    ),
    batch: choice(["image", "fold"], "fold", "image: clusters wait at the end of every image"),
    skipping: Type.Boolean({ default: true, description: "false: every pair, nonzero or not" }),
  },
  { additionalProperties: false },
);

/** Its parameters. */
export type TwoSidedParams = Static<typeof params>;

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
  modelVersion: 2,
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
  withoutSkipping: (params) => ({ ...params, skipping: false }),
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
  notCharged: ({ balance }) => (balance === "greedy" ? ["putting the results of sorted filters back in order"] : []),
  validation: () => "property",
  // Folded, clusters wait only at the end: the more they do, the better their work evens out.
  // Filters are sorted once for all images, which parts of them would pay each.
  cuts: ({ pass }, params) =>
    params.skipping &&
    (params.balance === "none" || params.sortingCyclesPerFilter === 0) &&
    params.batch === "image" &&
    pass !== "weightGrad"
      ? [{ axis: "images", size: 1, once: false, edges: 0 }]
      : [],
  run(operation, params) {
    const { geometry } = operation;
    const fold = params.batch === "fold";
    const streams = fold ? 1 : geometry.N;
    const total: JoinTotals = { cycles: 0, baseCycles: 0, macs: 0, perfect: 0, sorted: 0 };
    for (let stream = 0; stream < streams; stream++) {
      for (const job of joinJobs(operation, stream, fold ? geometry.N : 1)) {
        const sorted = addJob(job, params, total);
        // Weights are sorted for all images at once.
        if (stream === 0 || operation.pass === "weightGrad") total.sorted += sorted;
      }
    }
    return resultOf(operation, params, total);
  },
};

interface JoinTotals {
  cycles: number;
  baseCycles: number;
  /** Pairs of two nonzeros. */
  macs: number;
  perfect: number;
  /** Filters that had to be sorted. */
  sorted: number;
}

/** Joins every stationary row with every streamed row of a job, adds what its clusters take, and returns how many filters were sorted. */
function addJob(job: JoinJob, params: TwoSidedParams, total: JoinTotals): number {
  const { units, clusters, lanes, skipping } = params;
  const rows = new Int32Array(job.isDense ? 0 : job.stationary * job.words);
  const nonzeros = new Int32Array(job.stationary).fill(job.isDense ? job.depth : 0);
  for (let k = 0; k < job.stationary && !job.isDense; k++) {
    const row = rows.subarray(k * job.words, (k + 1) * job.words);
    job.loadStationary(k, row);
    for (let i = 0; i < job.words; i++) nonzeros[k] += popcount32(row[i]);
  }
  const unitOf = assignUnits(nonzeros, params);
  const unitCount = job.stationary === 0 ? 0 : Math.max(...unitOf) + 1;
  const sets = Math.ceil(unitCount / units);
  const time = windowTimer(job, params, rows, unitOf, sets);
  const window = new Int32Array(job.words);
  const busy = new Float64Array(clusters);
  const baseBusy = new Float64Array(clusters);
  let next = 0;
  let macs = 0;
  const known = new Map<number, { readonly cycles: Float64Array; readonly joined: number }>();
  for (let w = 0; w < job.streamed; w++) {
    let { cycles } = time;
    if (skipping) {
      const before = known.get(job.alike(w));
      if (before === undefined) job.loadStreamed(w, window);
      const joined = before?.joined ?? time.join(window);
      if (before !== undefined) ({ cycles } = before);
      else if (job.alike !== itself) known.set(w, { cycles: cycles.slice(), joined });
      macs += joined;
    }
    for (let set = 0; set < sets; set++) {
      baseBusy[next] += time.baseCycles[set];
      busy[next] += skipping ? cycles[set] : time.baseCycles[set];
      next = (next + 1) % clusters;
    }
  }
  const pairs = skipping ? macs : job.stationary * job.streamed * job.depth;
  total.cycles += busy.reduce((a, b) => Math.max(a, b), 0);
  total.baseCycles += baseBusy.reduce((a, b) => Math.max(a, b), 0);
  total.macs += pairs;
  total.perfect += Math.ceil(pairs / (units * clusters * lanes));
  const isSorted = skipping && unitCount < job.stationary && nonzeros.some((ones) => ones < job.depth);
  return isSorted ? job.stationary : 0;
}

/** Cycles of the sets of units for a window, chunk by chunk. */
interface WindowTimer {
  /** Without skipping. */
  readonly baseCycles: Float64Array;
  /** Of the window that was joined last. */
  readonly cycles: Float64Array;
  /** Joins a window with all filters; returns the pairs of two nonzeros. */
  join(window: Int32Array): number;
}

const WORD_BITS = 32;

function windowTimer(
  job: JoinJob,
  { units, lanes, chunk = JOINED_BITS }: TwoSidedParams,
  rows: Int32Array,
  unitOf: Int32Array,
  sets: number,
): WindowTimer {
  const { words, stationary } = job;
  const chunkWords = chunk === 0 ? undefined : chunk / WORD_BITS;
  /** A chunk takes a cycle to be sent. */
  const least = chunk === 0 ? 0 : 1;
  const chunks = chunkWords === undefined ? 1 : Math.ceil(words / chunkWords);
  const chunkOf = (word: number) => (chunkWords === undefined ? 0 : Math.floor(word / chunkWords));
  const elements = new Float64Array(chunks);
  for (let i = 0; i < words; i++) elements[chunkOf(i)] += job.elementsOf(i);
  const filtersOf = new Int32Array(sets * units);
  for (const unit of unitOf) filtersOf[unit]++;
  const most = Array.from({ length: sets }, (_, set) =>
    Math.max(...filtersOf.subarray(set * units, (set + 1) * units)),
  );
  /** Cycles of every set where all filters have as many pairs in a chunk. */
  const alike = (ones: Float64Array, target: Float64Array) =>
    most.forEach((filters, set) => {
      target[set] = ones.reduce((sum, count) => sum + Math.max(least, Math.ceil((filters * count) / lanes)), 0);
    });
  const baseCycles = new Float64Array(sets);
  alike(elements, baseCycles);

  const cycles = new Float64Array(sets);
  const isDense = job.isDense || onesOf(rows) === stationary * job.depth;
  const join = isDense ? null : joinedOnes(rows, stationary, words, chunkWords);
  const joined = new Int32Array(sets * units);
  const ones = new Float64Array(chunks);
  return {
    baseCycles,
    cycles,
    join(window) {
      if (join === null) {
        ones.fill(0);
        for (let i = 0; i < words; i++) ones[chunkOf(i)] += popcount32(window[i]);
        alike(ones, cycles);
        return stationary * ones.reduce((a, b) => a + b, 0);
      }
      const counts = join(window);
      let macs = 0;
      cycles.fill(0);
      for (let c = 0, at = 0; c < chunks; c++) {
        joined.fill(0);
        for (let k = 0; k < stationary; k++, at++) {
          joined[unitOf[k]] += counts[at];
          macs += counts[at];
        }
        for (let set = 0; set < sets; set++) {
          let slowest = least;
          for (let unit = set * units; unit < (set + 1) * units; unit++) {
            if (joined[unit] > slowest) slowest = joined[unit];
          }
          cycles[set] += lanes === 1 ? slowest : Math.ceil(slowest / lanes);
        }
      }
      return macs;
    },
  };
}

function onesOf(words: Int32Array): number {
  return words.reduce((sum, word) => sum + popcount32(word), 0);
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
  { skipping, units, clusters, lanes, sortingCyclesPerFilter = 1 }: TwoSidedParams,
  total: JoinTotals,
): ComputeResult {
  const { pass, geometry, topKPeriod } = operation;
  const [a, b] = OPERANDS_OF[pass];
  const sorting = total.sorted * sortingCyclesPerFilter;
  const imagePadding = skipping ? 0 : allPairs(pass, geometry).outside;
  return {
    cycles: total.cycles,
    baseCycles: total.baseCycles,
    packedCycles: Math.min(total.perfect, total.cycles),
    reschedulingCycles: pass === "weightGrad" ? sorting : Math.ceil(sorting / topKPeriod),
    scheduled: skipping ? "both" : null,
    counters: { macs: total.macs },
    multiplierCycles: {
      occupied: total.macs - imagePadding,
      imagePadding,
      imbalance: units * clusters * lanes * total.cycles - total.macs,
    },
    onChipReads: { [a]: total.macs, [b]: total.macs },
    onChipWrites: total.cycles === 0 ? 0 : sizeOf(SHAPE_OF[RESULT_OF[pass]](geometry)),
  };
}
