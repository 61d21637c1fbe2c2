/**
 * Which output positions the two backward passes touch. Input row h belongs to padded row h + top = stride·a + i; tap r,
 * with r·dilation = stride·r' + i, met it at output row p = a − r'. Over all rows and taps p may leave 0..P−1 on both
 * sides; giving `outputGrad` that many rows of zeros makes every such access legal and removes all tests from the loops.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { outputHeight, outputWidth } from "../../core/geometry.ts";

/** Zeros around outputGrad [P, Q] as [top, bottom, left, right]. */
export function outputMargins(g: ConvGeometry): readonly [number, number, number, number] {
  const [top, , left] = g.padding;
  const [above, below] = axisMargins(g.H, top, g.R, g.stride[0], g.dilation[0], outputHeight(g));
  const [before, after] = axisMargins(g.W, left, g.S, g.stride[1], g.dilation[1], outputWidth(g));
  return [above, below, before, after];
}

function axisMargins(
  size: number,
  padding: number,
  kernel: number,
  stride: number,
  dilation: number,
  positions: number,
): readonly [number, number] {
  const first = Math.floor(padding / stride) - Math.floor((dilation * (kernel - 1)) / stride);
  const last = Math.floor((padding + size - 1) / stride);
  return [Math.max(0, -first), Math.max(0, last - positions + 1)];
}
