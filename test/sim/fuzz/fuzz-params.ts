/** Any legal parameters of every accelerator, small and large arrays alike. */
import fc from "fast-check";
import { accelerators } from "../../../src/sim/arrays/index.ts";

type Params = Readonly<Record<string, unknown>>;

const size = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(1, 16, 61));
const lanes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 32));
const batch = fc.constantFrom("image", "fold");
const skipping = fc.boolean();
const array = { lanes, rows: size, columns: size, tiles: fc.integer({ min: 1, max: 5 }), batch };
const dealing = { dealing: fc.constantFrom("filters", "sets") };
const choice = (...others: string[]) => fc.constantFrom("sparser", ...others);

/** A search may look aside further than it has lanes, and ahead not at all. */
const search = fc.record({
  lookahead: fc.integer({ min: 0, max: 4 }),
  lookaside: fc.integer({ min: 0, max: 7 }),
  shape: fc.constantFrom("T", "L"),
});
const searching = <T>(rest: Record<string, fc.Arbitrary<T>>) =>
  fc
    .tuple(fc.record({ ...array, ...dealing }), search, fc.record(rest))
    .map(([a, b, c]): Params => ({ ...a, ...b, ...c }));

/** n of m. */
const blocks = fc.constantFrom<[number, number]>([1, 1], [1, 2], [2, 4], [1, 4], [3, 4], [4, 8]);
const networks = {
  reductionBandwidth: size,
  bus: fc.constantFrom("balanced", "hashed"),
  drain: fc.constantFrom("full", "half"),
  overlap: fc.boolean(),
  batch,
};

/** Legal parameters by accelerator. */
export const PARAMS: Readonly<Record<string, fc.Arbitrary<Params>>> = {
  dadiannao: fc.record({ ...array, ...dealing, foldStridedInput: fc.constantFrom(0, 0, 1, 3) }),
  "bit-tactical": searching({
    foldStridedInput: fc.constantFrom(0, 0, 3),
    reschedulingCyclesPerLine: fc.integer({ min: 0, max: 3 }),
  }),
  tensordash: searching<unknown>({
    banks: size,
    sides: fc.constantFrom("one", "two"),
    operand: fc.record({
      forward: choice("input", "weight"),
      inputGrad: choice("outputGrad", "weight"),
      weightGrad: choice("input", "outputGrad"),
    }),
  }),
  "weight-queue": fc.record({ ...array, ...dealing, skipping }),
  "activation-queue": fc.record({ ...array, ...dealing, skipping }),
  "two-sided": fc.record({
    ...{ units: size, clusters: size, lanes, batch, skipping },
    balance: fc.constantFrom("greedy", "none"),
    ...{ chunk: fc.constantFrom(0, 128, 256), sortingCyclesPerFilter: fc.integer({ min: 0, max: 3 }) },
  }),
  scnn: fc.record({
    ...{ peRows: fc.integer({ min: 1, max: 9 }), peColumns: fc.integer({ min: 1, max: 9 }) },
    ...{ activations: fc.integer({ min: 1, max: 5 }), weights: fc.integer({ min: 1, max: 5 }) },
    accumulators: fc.constantFrom(1, 7, 30, 6144),
    banks: fc.integer({ min: 1, max: 32 }),
    batch: fc.constant("image"),
    ...{ foldLinear: fc.boolean(), skipping },
  }),
  sigma: fc
    .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 7 }))
    .filter(([leaves, ports]) => ports <= leaves)
    .chain(([leaves, ports]) =>
      fc.record({
        ...{ multipliers: fc.constant(2 ** leaves), distributionBandwidth: fc.constant(2 ** ports), ...networks },
        partialSums: fc.constantFrom("interleaved", "first"),
        stationary: fc.record({
          forward: choice("input", "weight"),
          inputGrad: choice("outputGrad", "weight"),
          weightGrad: choice("input", "outputGrad"),
        }),
        skipping,
      }),
    ),
  mesh: fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 3 }))
    .filter(([rows, columns, halvings]) => (rows + columns) % 2 ** halvings === 0)
    .chain(([rows, columns, halvings]) =>
      fc.record({
        ...{ rows: fc.constant(rows), columns: fc.constant(columns), ...networks },
        ...{ tileRows: fc.integer({ min: 0, max: rows }), tileColumns: fc.integer({ min: 0, max: columns }) },
        distributionBandwidth: fc.constant((rows + columns) / 2 ** halvings),
      }),
    ),
  systolic: fc
    .record({
      ...{ rows: size, columns: size, dataflow: fc.constantFrom("os", "ws", "is"), batch },
      block: blocks,
      mode: fc.constantFrom("layer", "row"),
      storage: fc.constantFrom("ellpack", "csr", "csc"),
    })
    .map(({ block: [n, m], mode, storage, ...rest }) => ({
      ...rest,
      sparsity: { n, m, mode: rest.dataflow === "ws" && 2 * n <= m ? mode : "layer", storage },
    })),
  procrustes: fc.record({ rows: size, columns: size, skipping }),
  "sparse-tensor-core": fc
    .record({ ...array, ...dealing, block: blocks })
    .map(({ block: [n, m], lanes: width, ...rest }) => ({ ...rest, n, m, lanes: Math.min(32, m * Number(width)) }))
    .filter(({ lanes: width, m }) => width % m === 0),
  ideal: fc.record({ multipliers: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(4096)), skipping }),
};

const missing = Object.keys(accelerators).filter((id) => !Object.hasOwn(PARAMS, id));
if (missing.length > 0) throw new Error(`the fuzzer draws no parameters for ${missing.join(", ")}`);
