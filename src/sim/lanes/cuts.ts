/**
 * How operations on lane arrays are cut for a sample. Images that run one after the other add up. Where the batch is folded,
 * units are as large as fills whole sets and, where sets run on from tile to tile, whole step groups: images of a channel-first
 * pass, whose windows add up; input channels of a weight gradient, in which all images are one reduction.
 */
import type { Cut } from "../accelerator.ts";
import type { Operation } from "../operation.ts";
import type { ArrayParams } from "./array-params.ts";
import { windowGrids } from "./channel-first.ts";

/** Which operand's sets are made anew for other images or input channels, and whether those sets are as wide as `rows` or `columns`. */
export type OuterSets = "rows" | "columns";

/** Cuts of an operation whose outer sets are scheduled, on the rows (`sides` one) or the columns. */
export function laneCuts<Params extends ArrayParams>(
  operation: Operation,
  params: Params,
  outer: OuterSets,
): Cut<Params>[] {
  const { pass, geometry: g } = operation;
  if (params.batch === "image") return [{ axis: "images", size: 1, once: false, edges: 0, params }];
  const width = params[outer];
  const innerWidth = params[outer === "rows" ? "columns" : "rows"];
  // Sets of one unit, times those that each of them meets, are dealt to the tiles.
  const isWhole = (items: number, others: number) => {
    const pairs = (items / width) * Math.ceil(others / innerWidth);
    return items % width === 0 && (params.dealing === "filters" || pairs % params.tiles === 0);
  };
  if (pass === "weightGrad") {
    if (g.groups > 1) return [];
    return cutOf("inputChannels", g.C, params, g.R * g.S, (size) => isWhole(size, g.K));
  }
  const filters = (pass === "forward" ? g.K : g.C) / g.groups;
  const grids = windowGrids(pass, g);
  return cutOf("images", g.N, params, grids.length * g.groups, (size) =>
    grids.every(({ height, width: across }) => isWhole(size * height * across, filters)),
  );
}

/**
 * The smallest units that divide the axis and are whole. Of each run of their sets the skip counters of the tiles begin anew, which
 * is a cycle at most; there are `runs` of them.
 */
function cutOf<Params>(
  axis: Cut<Params>["axis"],
  extent: number,
  params: Params,
  runs: number,
  isWhole: (size: number) => boolean,
): Cut<Params>[] {
  for (let size = 1; size < extent; size++) {
    if (extent % size === 0 && isWhole(size)) return [{ axis, size, once: false, edges: runs, params }];
  }
  return [];
}
