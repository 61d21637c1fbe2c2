/**
 * How an operation whose pairs of sets are scheduled is cut for a sample. Images that run one after the other add up. Where the batch is
 * folded, units are as large as fills whole sets and, where sets run on from tile to tile, whole step groups: images of a
 * channel-first pass, whose windows add up; input channels of a weight gradient, in which all images are one reduction.
 */
import type { Cut } from "../../hardware/accelerator.ts";
import { windowGrids } from "../../operation/channel-first.ts";
import type { Operation } from "../../operation/operation.ts";
import type { ArrayParams } from "./array-params.ts";

/** Cuts of an operation whose windows, or input channels, are on the columns. */
export function pairCuts(operation: Operation, params: ArrayParams): Cut[] {
  const { pass, geometry: g } = operation;
  if (params.batch === "image") return [{ axis: "images", size: 1, once: false, edges: 0 }];
  const setsOf = (items: number, others: number): Run => ({
    items,
    pairs: Math.ceil(items / params.columns) * Math.ceil(others / params.rows),
  });
  if (pass === "weightGrad") {
    if (g.groups > 1) return [];
    return cutOf("inputChannels", g.C, params, (size) => new Array<Run>(g.R * g.S).fill(setsOf(size, g.K)));
  }
  const filters = (pass === "forward" ? g.K : g.C) / g.groups;
  const grids = windowGrids(pass, g);
  const runs = grids.flatMap((grid) => new Array<typeof grid>(g.groups).fill(grid));
  return cutOf("images", g.N, params, (size) =>
    runs.map(({ height, width }) => setsOf(size * height * width, filters)),
  );
}

/** A run of sets of one unit: its items, and the sets times those that each of them meets, which are dispatched to the tiles. */
interface Run {
  readonly items: number;
  readonly pairs: number;
}

/**
 * The smallest units that divide the axis and are whole. Skip counters of the tiles begin anew with each run, which is a cycle at most for a
 * tile, and for a step group of all tiles.
 */
function cutOf(
  axis: Cut["axis"],
  extent: number,
  params: ArrayParams,
  runsOf: (size: number) => readonly Run[],
): Cut[] {
  const { columns, tiles, dealing } = params;
  for (let size = 1; size < extent; size++) {
    if (extent % size > 0) continue;
    const runs = runsOf(size);
    if (runs.some(({ items, pairs }) => items % columns > 0 || (dealing === "sets" && pairs % tiles > 0))) continue;
    const edges = runs.reduce((sum, { pairs }) => sum + Math.min(tiles, dealing === "sets" ? pairs / tiles : pairs), 0);
    return [{ axis, size, once: false, edges }];
  }
  return [];
}
