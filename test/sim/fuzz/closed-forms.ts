/** What each accelerator must count for an operation, by a formula or by a literal model; the laws say the rest. */
import { getBit, onesMask } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import type { BitTacticalParams } from "../../../src/sim/arrays/bit-tactical.ts";
import { foldLinear, isLinear } from "../../../src/sim/arrays/cartesian/fold-linear.ts";
import { jobsOf } from "../../../src/sim/arrays/cartesian/job.ts";
import type { DaDianNaoParams } from "../../../src/sim/arrays/dadiannao.ts";
import type { ArrayParams } from "../../../src/sim/arrays/lanes/array-params.ts";
import type { MeshParams } from "../../../src/sim/arrays/mesh.ts";
import type { ScnnParams } from "../../../src/sim/arrays/scnn.ts";
import type { SigmaParams } from "../../../src/sim/arrays/sigma.ts";
import type { SystolicParams } from "../../../src/sim/arrays/systolic.ts";
import type { TensorDashParams } from "../../../src/sim/arrays/tensordash.ts";
import type { TwoSidedParams } from "../../../src/sim/arrays/two-sided.ts";
import type { ComputeResult } from "../../../src/sim/hardware/accelerator.ts";
import { mapMasks, type Operation, type Pass } from "../../../src/sim/operation/operation.ts";
import { bruteForceMacs } from "../../support/random-operation.ts";
import { bruteForceJob } from "../arrays/cartesian/brute-force.ts";
import { plainTwoSided } from "../arrays/plain-two-sided.ts";
import { playProduct, playTile } from "../arrays/sigma/event-model.ts";
import { denseCycles, offsetsOf, queueCycles, staticCycles, structuredCycles } from "./lane-arrays.ts";
import { type LiteralProduct, literalProducts, onesIn, partsOf, range, type Vector } from "./literal-products.ts";

/** Counts that are known; what is absent is not. */
interface Expected {
  readonly cycles?: number;
  readonly baseCycles?: number;
  readonly reschedulingCycles?: number;
}

type Form<Params> = (operation: Operation, params: Params, result: ComputeResult) => Expected;

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const UNKNOWN: Expected = {};

/** The fold of strided first layers changes their shape, which laws and golden cases check. */
const dadiannao: Form<DaDianNaoParams> = (operation, own) => {
  if (own.foldStridedInput > 0) return UNKNOWN;
  const cycles = denseCycles(literalProducts(operation, own.batch), own);
  return { cycles, baseCycles: cycles };
};

const bitTactical: Form<BitTacticalParams> = (operation, own) => {
  if (own.foldStridedInput > 0) return UNKNOWN;
  const products = literalProducts(operation, own.batch);
  const baseCycles = denseCycles(products, own);
  return { cycles: operation.pass === "weightGrad" ? baseCycles : staticCycles(products, own), baseCycles };
};

/** One side is two sides whose other operand has no zero; the operand whose zeros are skipped lies on the rows. */
const tensordash: Form<TensorDashParams> = (operation, own, { scheduled }) => {
  const { pass, geometry } = operation;
  const products = literalProducts(operation, own.batch);
  const params = { ...own, sides: "two", offsets: offsetsOf(own) } as const;
  if (own.sides === "two") return { cycles: plainTwoSided(operation, params), baseCycles: denseCycles(products, own) };
  const choice = own.operand[pass];
  // Images choose for themselves, and only the choice of the last one is reported.
  if (choice === "sparser" && own.batch === "image" && geometry.N > 1) return UNKNOWN;
  const skipped = choice === "sparser" ? scheduled : choice;
  if (skipped === null || skipped === "both") return UNKNOWN;
  const [onRows, onColumns] = SIDES[pass];
  const turned = skipped !== onRows;
  const dense = turned ? onRows : onColumns;
  const paddingAsNonzeros = !turned || operation.paddingAsNonzeros === true;
  const oneSided = mapMasks(operation, (mask, operand) => (operand === dense ? onesMask(mask.shape) : mask));
  const array = turned ? { ...params, rows: own.columns, columns: own.rows } : params;
  return {
    cycles: plainTwoSided({ ...oneSided, paddingAsNonzeros }, array),
    baseCycles: denseCycles(products, own, turned),
  };
};

/** The operands on the rows and on the columns of a product. */
const SIDES = {
  forward: ["weight", "input"],
  inputGrad: ["weight", "outputGrad"],
  weightGrad: ["outputGrad", "input"],
} as const;

type QueueParams = ArrayParams & { readonly skipping: boolean };

const queueOf =
  (queuesColumns: (operation: Operation) => boolean): Form<QueueParams> =>
  (operation, own) => {
    const products = literalProducts(operation, own.batch);
    const turned = queuesColumns(operation);
    const baseCycles = denseCycles(products, own, turned);
    return { cycles: own.skipping ? queueCycles(products, own, turned) : baseCycles, baseCycles };
  };

/** The walk over every product of every chunk; the exchange of sums comes on top. */
const scnn: Form<ScnnParams> = (operation, own, { counters }) => {
  const linear = isLinear(operation.geometry);
  // On folded planes nearly all products are redundant: too many to walk.
  if (!own.skipping || (linear && own.foldLinear && operation.pass !== "weightGrad")) return UNKNOWN;
  const jobs = jobsOf(linear && operation.pass === "weightGrad" ? foldLinear(operation) : operation);
  const walked = sumOf(jobs.map((job) => bruteForceJob(job, own).cycles));
  return { cycles: walked + counters.haloCycles };
};

/** STONNE's event model, value by value, where nothing overlaps. */
const sigma: Form<SigmaParams> = (operation, own) => {
  const held = own.stationary[operation.pass];
  if (own.overlap || own.partialSums !== "first" || held === "sparser") return UNKNOWN;
  const holdsRows = held === SIDES[operation.pass][0];
  // Channels outermost, taps within.
  const positions = (vector: Vector, { taps, channels }: LiteralProduct) =>
    range(taps * channels).filter((i) => !own.skipping || vector[i % taps][Math.floor(i / taps)]);
  const cycles = literalProducts(operation, own.batch).map((product) => {
    const [stationary, streamed] = holdsRows
      ? [product.rows, product.columns]
      : [columnsByChannel(product), product.rows];
    return playProduct(
      stationary.map((vector) => positions(vector, product)),
      streamed.length,
      own,
    );
  });
  return { cycles: sumOf(cycles) };
};

/** Columns of a weight gradient channel by channel instead of tap by tap; other passes have one tap's run. */
function columnsByChannel({ columns, run }: LiteralProduct): Vector[] {
  const taps = partsOf(columns, run);
  return range(run).flatMap((channel) => taps.map((tap) => tap[channel]));
}

/** STONNE's mesh, product by product and tile after tile, where nothing overlaps. */
const mesh: Form<MeshParams> = (operation, own) => {
  if (own.overlap) return UNKNOWN;
  const tileRows = Math.min(own.tileRows || own.rows, own.rows);
  const tileColumns = Math.min(own.tileColumns || own.columns, own.columns);
  const tiles = literalProducts(operation, own.batch).flatMap(({ rows, columns, taps, channels }) =>
    partsOf(rows, tileRows).flatMap(({ length: height }) =>
      partsOf(columns, tileColumns).map(({ length: width }) => playTile(own, height, width, taps * channels)),
    ),
  );
  return { cycles: sumOf(tiles), baseCycles: sumOf(tiles) };
};

/** SCALE-Sim's folds: fill, stream and drain of every fold in full. */
const systolic: Form<SystolicParams> = (operation, own) => {
  const { rows: R, columns: C, dataflow, sparsity } = own;
  const cycles = literalProducts(operation, own.batch).map(({ rows, columns, taps, channels }) => {
    const [m, n, k] = [columns.length, rows.length, taps * channels];
    const [down, across, time] = { os: [m, n, k], ws: [k, n, m], is: [k, m, n] }[dataflow];
    const folds = Math.ceil(down / R) * Math.ceil(across / C);
    return folds * ((dataflow === "os" ? R : 2 * R) + C + time - 2);
  });
  const baseCycles = sumOf(cycles);
  return sparsity.n === sparsity.m ? { cycles: baseCycles, baseCycles } : { baseCycles };
};

interface ProcrustesParams {
  readonly rows: number;
  readonly columns: number;
  readonly skipping: boolean;
}

/** Every weight of a channel takes its turn at every position of every group of images; rows wait for the slowest. */
const procrustes: Form<ProcrustesParams> = (operation, own) => {
  const { pass, geometry: g, masks } = operation;
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const held = pass === "inputGrad" ? outputs : inputs;
  const turns = (group: number, channel: number, skips: boolean) =>
    range(inputs * outputs * g.R * g.S).filter((i) => {
      const [k, element] = [Math.floor(i / (inputs * g.R * g.S)), i % (inputs * g.R * g.S)];
      const c = Math.floor(element / (g.R * g.S));
      if ((pass === "inputGrad" ? k : c) !== channel) return false;
      return !skips || (masks.weight !== undefined && getBit(masks.weight, group * outputs + k, element));
    }).length;
  const cycles = (skips: boolean) =>
    outputHeight(g) *
    outputWidth(g) *
    Math.ceil(g.N / own.columns) *
    sumOf(
      range(g.groups).flatMap((group) =>
        partsOf(range(held), own.rows).map((set) => Math.max(...set.map((channel) => turns(group, channel, skips)))),
      ),
    );
  return { cycles: cycles(own.skipping && pass !== "weightGrad"), baseCycles: cycles(false) };
};

/** Units join their filters with a window chunk by chunk, clusters take windows in turn, and each job ends with the slowest cluster. */
const twoSided: Form<TwoSidedParams> = (operation, own) => {
  const { pass, topKPeriod } = operation;
  const products = literalProducts(operation, own.batch);
  const cyclesOf = (skips: boolean) => sumOf(products.map((product) => joinCycles(product, pass, own, skips)));
  const baseCycles = cyclesOf(false);
  const cycles = own.skipping ? cyclesOf(true) : baseCycles;
  // Weights are the same for every image; each image has gradients of its own.
  const sorted = literalProducts(operation, pass === "weightGrad" ? own.batch : "fold")
    .filter(({ rows }) => own.skipping && own.balance === "greedy" && rows.length > own.units)
    .filter(({ rows, taps, channels }) => rows.some((row) => onesIn(row) < taps * channels));
  const sorting = sumOf(sorted.map(({ rows }) => rows.length)) * (own.sortingCyclesPerFilter ?? 1);
  return { cycles, baseCycles, reschedulingCycles: pass === "weightGrad" ? sorting : Math.ceil(sorting / topKPeriod) };
};

/** A kernel position begins a new word, whose rest is empty. */
const JOINED_WORD = 32;

function joinCycles(product: LiteralProduct, pass: Pass, own: TwoSidedParams, skips: boolean): number {
  const { units, clusters, lanes, chunk = 128 } = own;
  const chunksOf = (vector: Vector) => {
    const slots = vector.flatMap((tap) =>
      range(Math.ceil(tap.length / JOINED_WORD) * JOINED_WORD).map((i): boolean | undefined => tap[i]),
    );
    return chunk === 0 ? [slots] : partsOf(slots, chunk);
  };
  const isPair = (filter: boolean | undefined, value: boolean | undefined) =>
    skips ? filter === true && value === true : value !== undefined;
  const sets = partsOf(filtersByUnit(product.rows, own), units).map((set) =>
    set.map((filters) => filters.map((filter) => chunksOf(filter))),
  );
  const busy = range(clusters).map(() => 0);
  const windows = pass === "weightGrad" ? columnsByChannel(product) : product.columns;
  const works = windows.map(chunksOf).flatMap((window) =>
    sets.map((set) =>
      sumOf(
        window.map((values, c) => {
          const pairsOf = (filter: ReturnType<typeof chunksOf>) =>
            values.filter((value, i) => isPair(filter[c][i], value)).length;
          const cycles = set.map((filters) => Math.ceil(sumOf(filters.map(pairsOf)) / lanes));
          return Math.max(chunk === 0 ? 0 : 1, ...cycles);
        }),
      ),
    ),
  );
  works.forEach((cycles, turn) => {
    busy[turn % clusters] += cycles;
  });
  return Math.max(...busy);
}

/** One filter a unit; balanced, where there are more filters than units, the densest left with the sparsest left. */
function filtersByUnit(filters: readonly Vector[], { units, balance }: TwoSidedParams): Vector[][] {
  if (balance === "none" || filters.length <= units) return filters.map((filter) => [filter]);
  const sorted = [...filters].sort((a, b) => onesIn(b) - onesIn(a));
  return range(Math.ceil(sorted.length / 2)).map((rank) => {
    const partner = sorted.length - 1 - rank;
    return partner === rank ? [sorted[rank]] : [sorted[rank], sorted[partner]];
  });
}

const sparseTensorCore: Form<ArrayParams & { readonly n: number; readonly m: number }> = (operation, own) => {
  const products = literalProducts(operation, own.batch);
  return {
    cycles: structuredCycles(products, own, operation.pass === "weightGrad"),
    baseCycles: denseCycles(products, own),
  };
};

const ideal: Form<{ readonly multipliers: number; readonly skipping: boolean }> = (operation, own) => {
  const { dense, effectual } = bruteForceMacs(operation);
  const baseCycles = Math.ceil(dense / own.multipliers);
  return { cycles: own.skipping ? Math.ceil(effectual / own.multipliers) : baseCycles, baseCycles };
};

/** By accelerator. Parameters have been checked against the accelerator's schema, so that they are those of its form. */
export const CLOSED_FORMS: Readonly<Record<string, Form<object>>> = {
  dadiannao: checked(dadiannao),
  "bit-tactical": checked(bitTactical),
  tensordash: checked(tensordash),
  "weight-queue": checked(queueOf(({ pass }) => pass === "weightGrad")),
  "activation-queue": checked(queueOf(() => true)),
  scnn: checked(scnn),
  sigma: checked(sigma),
  mesh: checked(mesh),
  systolic: checked(systolic),
  "two-sided": checked(twoSided),
  procrustes: checked(procrustes),
  "sparse-tensor-core": checked(sparseTensorCore),
  ideal: checked(ideal),
};

function checked<Params>(form: Form<Params>): Form<object> {
  return (operation, params, result) => form(operation, params as Params, result);
}
