/**
 * A pass as matrix products, one after the other: groups, images unless they are folded, and the phases of a strided input gradient.
 *     forward     [K/groups × C/groups·R·S] · [C/groups·R·S × windows]
 *     inputGrad   [C/groups × K/groups·taps] · [K/groups·taps × windows of outputGrad], phase by phase
 *     weightGrad  [K/groups × output positions] · [output positions × C/groups·R·S]
 */
import type { BitMask } from "../../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import { type WindowGrid, windowGrids } from "../../operation/channel-first.ts";
import { type Operand, type Operation, sourceMaskOf } from "../../operation/operation.ts";
import {
  channelVectors,
  filterVectors,
  tapVectors,
  type VectorSet,
  type WindowSource,
  windowVectors,
} from "./vectors.ts";

/** One matrix product: `rows` are filters or channels of the weights (weightGrad: of outputGrad), `columns` what they meet. */
export interface Product {
  readonly rows: VectorSet;
  readonly columns: VectorSet;
}

/** The operand that lies on the rows and the one on the columns of every product of a pass. */
export const SIDES: Readonly<Record<Operation["pass"], { readonly rows: Operand; readonly columns: Operand }>> = {
  forward: { rows: "weight", columns: "input" },
  inputGrad: { rows: "weight", columns: "outputGrad" },
  weightGrad: { rows: "outputGrad", columns: "input" },
};

/** The masks of those two. */
export function sideMasks(operation: Operation): { readonly rows: BitMask; readonly columns: BitMask } {
  return operation.pass === "weightGrad"
    ? { rows: operation.masks.outputGrad, columns: operation.masks.input }
    : { rows: operation.masks.weight, columns: sourceMaskOf(operation) };
}

/** The products of an operation; those without work are left out. */
export function productsOf(operation: Operation, batch: "fold" | "image"): Product[] {
  const { pass, geometry: g } = operation;
  const { rows, columns } = sideMasks(operation);
  if (outputHeight(g) <= 0 || outputWidth(g) <= 0) return [];
  const streams = batch === "fold" ? 1 : g.N;
  const images = batch === "fold" ? g.N : 1;
  const solid = operation.paddingAsNonzeros === true;
  const products: Product[] = [];
  for (let group = 0; group < g.groups; group++) {
    // Filters are the same for every image, and shared so that they are timed once.
    const filters =
      pass === "weightGrad" ? [] : windowGrids(pass, g).map((grid) => filtersOf(pass, rows, g, group, grid));
    for (let stream = 0; stream < streams; stream++) {
      const shared = { firstImage: stream * images, images, solid };
      if (pass === "weightGrad") {
        products.push(weightGradOf(rows, columns, g, group, shared));
        continue;
      }
      const channels = (pass === "forward" ? g.C : g.K) / g.groups;
      for (const { grid, rows } of filters) {
        const windows = windowVectors({ ...shared, mask: columns, grid, firstChannel: group * channels, channels });
        products.push({ rows, columns: windows });
      }
    }
  }
  return products.filter((product) => product.rows.vectors * product.columns.vectors * product.rows.length > 0);
}

function filtersOf(
  pass: "forward" | "inputGrad",
  weight: BitMask,
  g: ConvGeometry,
  group: number,
  grid: WindowGrid,
): { readonly grid: WindowGrid; readonly rows: VectorSet } {
  return {
    grid,
    rows: pass === "forward" ? filterVectors(weight, g, group) : channelVectors(weight, g, group, grid.taps),
  };
}

function weightGradOf(
  rows: BitMask,
  columns: BitMask,
  g: ConvGeometry,
  group: number,
  shared: Pick<WindowSource, "firstImage" | "images" | "solid">,
): Product {
  const [outputs, inputs] = [g.K / g.groups, g.C / g.groups];
  const [grid] = windowGrids("forward", g);
  const plain: WindowGrid = { ...grid, startY: 0, startX: 0, stepY: 1, stepX: 1, taps: [{ kernel: 0, y: 0, x: 0 }] };
  return {
    rows: tapVectors({ ...shared, mask: rows, grid: plain, firstChannel: group * outputs, channels: outputs }),
    columns: tapVectors({ ...shared, mask: columns, grid, firstChannel: group * inputs, channels: inputs }),
  };
}
