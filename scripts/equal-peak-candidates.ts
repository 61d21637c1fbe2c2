/** Shapes of the machines of equal peak that `equal-peak-shapes.ts` sweeps: parameters that differ from the shipped config. */

/** Parameters by name. */
export type Shape = Readonly<Record<string, unknown>>;

/** Arrays of `rows` × `columns` that have 4,096 multipliers together. */
const arrays = (rows: number, columns: number): Shape => ({ arrays: 4096 / rows / columns, rows, columns });
const meshes = (side: number): Shape => ({
  ...arrays(side, side),
  distributionBandwidth: 2 * side,
  reductionBandwidth: side,
});
const flexible = (multipliers: number): Shape => ({
  arrays: 4096 / multipliers,
  ...{ multipliers, distributionBandwidth: multipliers, reductionBandwidth: multipliers },
});
const grids = (peRows: number, peColumns: number, weightGradient: "planes" | "positions"): Shape => ({
  arrays: 256 / peRows / peColumns,
  ...{ peRows, peColumns, weightGradient },
});
/** Tiles of 16 lanes. */
const tiles = (rows: number, columns: number): Shape => ({ rows, columns, tiles: 256 / rows / columns });
const TILES = [
  tiles(16, 16),
  tiles(8, 8),
  tiles(4, 4),
  tiles(2, 2),
  tiles(4, 16),
  tiles(16, 4),
  tiles(1, 16),
  tiles(16, 1),
];

/** Machine → shapes. */
export const CANDIDATES: Readonly<Record<string, readonly Shape[]>> = {
  "dadiannao-4096": TILES,
  "procrustes-4096": [
    ...[arrays(256, 16), arrays(128, 32), arrays(64, 64), arrays(64, 16), arrays(32, 32), arrays(32, 16)],
    ...[arrays(16, 16), arrays(16, 8), arrays(8, 16), arrays(8, 8)],
  ],
  "systolic-4096": [
    ...[64, 32, 16, 8].map((side) => ({ ...arrays(side, side), overlap: true })),
    ...[64, 16].map((side) => ({ ...arrays(side, side), overlap: false })),
    ...["os", "is"].map((dataflow) => ({ ...arrays(16, 16), overlap: true, dataflow })),
  ],
  "mesh-4096": [64, 32, 16, 8].map(meshes),
  "sigma-4096": [4096, 2048, 1024, 512, 256, 128].map(flexible),
  "scnn-4096": [
    ...[grids(16, 16, "planes"), grids(4, 4, "planes"), grids(8, 8, "positions"), grids(4, 4, "positions")],
    grids(2, 2, "positions"),
  ],
  "bit-tactical-4096": TILES,
  "tensordash-4096": TILES,
  "tensordash-two-sided-4096": [...TILES, tiles(1, 1)],
  "sparse-tensor-core-4096": TILES,
  "weight-queue-4096": TILES,
  "activation-queue-4096": TILES,
  "two-sided-4096": [
    ...[16, 32, 64, 128].map((units) => ({ units, clusters: 4096 / units })),
    { units: 32, clusters: 128, chunk: 0 },
  ],
};

/** Machines whose schedules depend on every element: minutes of CPU time each for the large synthetic steps, so that they run recorded steps alone. */
export const SLOW: readonly string[] = [
  ...["dadiannao-4096", "bit-tactical-4096", "tensordash-4096", "weight-queue-4096", "activation-queue-4096"],
  ...["two-sided-4096", "sigma-4096", "scnn-4096", "tensordash-two-sided-4096", "sparse-tensor-core-4096"],
];

/** Machines of which every eighth image or channel is simulated. */
export const SAMPLED: readonly string[] = ["scnn-4096"];
