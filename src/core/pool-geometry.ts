/** Output sizes of a pooling window: the positions at which it fits into the padded input. */

/** Spatial pooling window; `input` [N, C, H, W], `output` [N, C, P, Q]. Padding elements never win a maximum. */
export interface PoolGeometry {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Window height and width. */
  readonly window: readonly [number, number];
  readonly stride: readonly [number, number];
  /** [top, bottom, left, right]. */
  readonly padding: readonly [number, number, number, number];
}

/** Output height P of a pooling; 0 or less where the window does not fit. */
export function poolOutputHeight(g: PoolGeometry): number {
  return Math.floor((g.H + g.padding[0] + g.padding[1] - g.window[0]) / g.stride[0]) + 1;
}

/** Output width Q of a pooling, as `poolOutputHeight`. */
export function poolOutputWidth(g: PoolGeometry): number {
  return Math.floor((g.W + g.padding[2] + g.padding[3] - g.window[1]) / g.stride[1]) + 1;
}
