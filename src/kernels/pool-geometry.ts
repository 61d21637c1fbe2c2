/** Output sizes of a pooling window: the positions at which it fits into the padded input. */
import type { PoolGeometry } from "./kernels.ts";

/** Output height P of a pooling; 0 or less where the window does not fit. */
export function poolOutputHeight(g: PoolGeometry): number {
  return Math.floor((g.H + g.padding[0] + g.padding[1] - g.window[0]) / g.stride[0]) + 1;
}

/** Output width Q of a pooling, as `poolOutputHeight`. */
export function poolOutputWidth(g: PoolGeometry): number {
  return Math.floor((g.W + g.padding[2] + g.padding[3] - g.window[1]) / g.stride[1]) + 1;
}
