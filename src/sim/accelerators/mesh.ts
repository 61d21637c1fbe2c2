/**
 * An output-stationary mesh: every place holds one result, filters on the rows and what they meet on the columns; operands
 * enter at two edges and move on from neighbour to neighbour. It skips nothing. Groups, and images unless folded, follow
 * one another. With overlap, a tile is fed while the results of the one before it are collected.
 * Source: TPU-like mesh of STONNE 22634b8b, whose bus hash, half drain and tiles without overlap are settings.
 */
import { type Static, Type } from "typebox";
import type { Accelerator, ComputeResult, Slots } from "../accelerator.ts";
import { allPairs } from "../image-padding.ts";
import type { Operation } from "../operation.ts";
import { tileCost } from "../sigma/mesh-tile.ts";
import { networkParams, placesPerPort, portFaults } from "../sigma/network-params.ts";
import { productsOf, SIDES } from "../sigma/products.ts";

const tile = (what: string) =>
  Type.Integer({ minimum: 0, maximum: 4096, default: 0, description: `${what} of the mesh that a tile uses; 0 = all` });

const params = Type.Object(
  {
    rows: Type.Integer({ minimum: 1, maximum: 4096, description: "Rows: filters (weightGrad: output channels)" }),
    columns: Type.Integer({ minimum: 1, maximum: 4096, description: "Columns: windows (weightGrad: input channels)" }),
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
  multipliers({ rows, columns, distributionBandwidth }) {
    placesPerPort("mesh", rows + columns, distributionBandwidth);
    return rows * columns;
  },
  withoutSkipping: (own) => own,
  skippingHardware: () => null,
  validation({ pass, geometry }, own) {
    const parity = own.bus === "hashed" && own.drain === "half" && !own.overlap;
    const oneProduct = geometry.groups === 1 && (own.batch === "fold" || geometry.N === 1);
    return parity && pass === "forward" && oneProduct ? "exact" : "formula";
  },
  run,
};

function run(operation: Operation, own: MeshParams): ComputeResult {
  const sides = SIDES[operation.pass];
  const tileRows = Math.min(own.tileRows || own.rows, own.rows);
  const tileColumns = Math.min(own.tileColumns || own.columns, own.columns);
  const sum = {
    cycles: 0,
    tiles: 0,
    multiplications: 0,
    rowReads: 0,
    columnReads: 0,
    outputs: 0,
    latency: 0,
    reduction: 0,
  };
  for (const { rows, columns } of productsOf(operation, own.batch)) {
    const length = rows.length;
    const [down, across] = [parts(rows.vectors, tileRows), parts(columns.vectors, tileColumns)];
    for (const [height, rowTiles] of down) {
      for (const [width, columnTiles] of across) {
        const { alone, busy } = tileCost(own, height, width, length);
        sum.cycles += (own.overlap ? busy : alone) * rowTiles * columnTiles;
        sum.latency = alone - busy;
      }
    }
    const [rowSteps, columnSteps] = [down, across].map((sizes) => sizes.reduce((tiles, [, count]) => tiles + count, 0));
    sum.tiles += rowSteps * columnSteps;
    sum.reduction += rowSteps * columnSteps * length;
    sum.multiplications += rows.vectors * columns.vectors * length;
    sum.rowReads += rows.vectors * length * columnSteps;
    sum.columnReads += columns.vectors * length * rowSteps;
    sum.outputs += rows.vectors * columns.vectors;
  }
  // The last tile has none to overlap with.
  const cycles = sum.cycles + (own.overlap ? Math.max(0, sum.latency) : 0);
  return {
    cycles,
    baseCycles: cycles,
    packedCycles: cycles,
    reschedulingCycles: 0,
    scheduled: null,
    slots: slotsOf(operation, own, cycles, sum.reduction),
    counters: { multiplications: sum.multiplications, tiles: sum.tiles },
    onChipReads: { [sides.rows]: sum.rowReads, [sides.columns]: sum.columnReads },
    onChipWrites: sum.outputs,
  };
}

/** `reduction`: cycles in which the places of a tile multiply, summed over tiles; in all others they wait for the networks. */
function slotsOf({ pass, geometry }: Operation, own: MeshParams, cycles: number, reduction: number): Slots {
  const places = own.rows * own.columns;
  const { inside, outside } = allPairs(pass, geometry);
  return {
    occupied: inside,
    imagePadding: outside,
    imbalance: places * reduction - inside - outside,
    fillDrain: places * (cycles - reduction),
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
