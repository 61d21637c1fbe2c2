/**
 * An output-stationary mesh: every place holds one result, filters on the rows and what they meet on the columns; operands
 * enter at two edges and move on from neighbour to neighbour. It skips nothing. Groups, and images unless folded, follow
 * one another. With overlap, a tile is fed while the results of the one before it are collected. Several meshes take the tiles of
 * a product in turn, those that take longest first, and wait for each other at its end.
 * Source: TPU-like mesh of STONNE 22634b8b, whose bus hash, half drain and tiles without overlap are settings.
 */
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator, ComputeResult, MultiplierCycles } from "../hardware/accelerator.ts";
import { arraysParam, integer } from "../hardware/param-schemas.ts";
import { allPairs } from "../operation/image-padding.ts";
import type { Operation } from "../operation/operation.ts";
import { tileCost } from "./sigma/mesh-tile.ts";
import { networkParams, placesPerPort, portFaults } from "./sigma/network-params.ts";
import { productsOf, SIDES } from "./sigma/products.ts";

const tile = (what: string) => integer([0, 4096], `${what} of the mesh that a tile uses; 0 = all`, 0);

const params = Type.Object(
  {
    arrays: arraysParam(
      "Meshes of rows × columns side by side, each with networks of its own; tiles are dispatched to them in turn",
    ),
    rows: integer([1, 4096], "Rows: filters (weightGrad: output channels)"),
    columns: integer([1, 4096], "Columns: windows (weightGrad: input channels)"),
    tileRows: tile("Rows"),
    tileColumns: tile("Columns"),
    ...networkParams,
  },
  { additionalProperties: false },
);

/** Parameters of the mesh. */
export type MeshParams = Static<typeof params>;

/** The dense mesh. */
export const mesh: Accelerator<typeof params> = {
  id: "mesh",
  modelVersion: 1,
  params,
  mappings: {
    forward: {
      lanes: "none: input channels and kernel positions follow one another",
      rows: "filters",
      columns: "windows",
      stationary: "output",
      skipped: "none",
      referee: "exact: STONNE, with its settings",
    },
    inputGrad: {
      lanes: "none: output channels and the kernel positions of one stride phase follow one another",
      rows: "input channels",
      columns: "windows of outputGrad",
      stationary: "output",
      skipped: "none",
      referee: "formula: last products of every tile",
    },
    weightGrad: {
      lanes: "none: output positions follow one another",
      rows: "output channels",
      columns: "input channels and kernel positions",
      stationary: "output",
      skipped: "none",
      referee: "formula: last products of every tile",
    },
  },
  paramFaults: ({ rows, columns, distributionBandwidth }) => portFaults(rows + columns, distributionBandwidth),
  multipliers({ arrays = 1, rows, columns, distributionBandwidth }) {
    placesPerPort("mesh", rows + columns, distributionBandwidth);
    return arrays * rows * columns;
  },
  withoutSkipping: (params) => params,
  skippingHardware: () => null,
  notCharged: () => ["laying out the windows of a convolution as rows of a matrix"],
  validation({ pass, geometry }, params) {
    const parity = (params.arrays ?? 1) === 1 && params.bus === "hashed" && params.drain === "half" && !params.overlap;
    const oneProduct = geometry.groups === 1 && (params.batch === "fold" || geometry.N === 1);
    return parity && pass === "forward" && oneProduct ? "exact" : "formula";
  },
  run,
};

function run(operation: Operation, params: MeshParams): ComputeResult {
  const sides = SIDES[operation.pass];
  const { arrays = 1 } = params;
  const tileRows = Math.min(params.tileRows || params.rows, params.rows);
  const tileColumns = Math.min(params.tileColumns || params.columns, params.columns);
  const sum = {
    cycles: 0,
    /** Of all meshes together. */
    tileCycles: 0,
    tiles: 0,
    multiplications: 0,
    rowReads: 0,
    columnReads: 0,
    outputs: 0,
    latency: 0,
    reduction: 0,
  };
  for (const { rows, columns } of productsOf(operation, params.batch)) {
    const length = rows.length;
    const [down, across] = [parts(rows.vectors, tileRows), parts(columns.vectors, tileColumns)];
    const kinds = down.flatMap(([height, rowTiles]) =>
      across.map(([width, columnTiles]) => {
        const { alone, busy } = tileCost(params, height, width, length);
        sum.latency = alone - busy;
        return { cycles: params.overlap ? busy : alone, tiles: rowTiles * columnTiles };
      }),
    );
    sum.cycles += cyclesOfTiles(kinds, arrays);
    sum.tileCycles += kinds.reduce((cycles, kind) => cycles + kind.cycles * kind.tiles, 0);
    const [rowSteps, columnSteps] = [down, across].map((sizes) => sizes.reduce((tiles, [, count]) => tiles + count, 0));
    sum.tiles += rowSteps * columnSteps;
    sum.reduction += rowSteps * columnSteps * length;
    sum.multiplications += rows.vectors * columns.vectors * length;
    sum.rowReads += rows.vectors * length * columnSteps;
    sum.columnReads += columns.vectors * length * rowSteps;
    sum.outputs += rows.vectors * columns.vectors;
  }
  // The last tile has none to overlap with.
  const latency = params.overlap ? Math.max(0, sum.latency) : 0;
  const cycles = sum.cycles + latency;
  return {
    cycles,
    baseCycles: cycles,
    packedCycles: cycles,
    reschedulingCycles: 0,
    scheduled: null,
    multiplierCycles: multiplierCyclesOf(operation, params, cycles, sum.tileCycles + arrays * latency, sum.reduction),
    counters: { multiplications: sum.multiplications, tiles: sum.tiles },
    onChipReads: { [sides.rows]: sum.rowReads, [sides.columns]: sum.columnReads },
    onChipWrites: sum.outputs,
  };
}

/** Cycles of the first of `arrays` meshes, which is dispatched the most: the tiles of all kinds in turn, the longest first. */
function cyclesOfTiles(kinds: readonly { readonly cycles: number; readonly tiles: number }[], arrays: number): number {
  let cycles = 0;
  let dispatched = 0;
  for (const kind of [...kinds].sort((a, b) => b.cycles - a.cycles)) {
    const before = Math.ceil(dispatched / arrays);
    dispatched += kind.tiles;
    cycles += kind.cycles * (Math.ceil(dispatched / arrays) - before);
  }
  return cycles;
}

/**
 * `worked`: cycles of all meshes in which they have a tile; `reduction`: those of them in which the places of a tile multiply. In
 * the others they wait for the networks.
 */
function multiplierCyclesOf(
  { pass, geometry }: Operation,
  { arrays = 1, rows, columns }: MeshParams,
  cycles: number,
  worked: number,
  reduction: number,
): MultiplierCycles {
  const places = rows * columns;
  const { inside, outside } = allPairs(pass, geometry);
  return {
    occupied: inside,
    imagePadding: outside,
    imbalance: places * (arrays * cycles - worked + reduction) - inside - outside,
    fillDrain: places * (worked - reduction),
  };
}

/** Tile sizes of an axis with how often each occurs: whole tiles, then what is left. */
function parts(extent: number, size: number): (readonly [size: number, count: number])[] {
  const rest = extent % size;
  const all: (readonly [number, number])[] = [
    [size, Math.floor(extent / size)],
    [rest, 1],
  ];
  return all.filter(([part, count]) => part > 0 && count > 0);
}
