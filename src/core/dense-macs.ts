/** Multiply–accumulates of a convolution whose operands have no zeros, in closed form from its geometry. */
import { type ConvGeometry, outputHeight, outputWidth } from "./geometry.ts";

/** MACs whose operands exist: those of every window, without the image padding. The same for all three passes. */
export function denseMacs(g: ConvGeometry): number {
  let rows = 0;
  for (let r = 0; r < g.R; r++) rows += insideCount(g, 0, r);
  let columns = 0;
  for (let s = 0; s < g.S; s++) columns += insideCount(g, 1, s);
  return g.N * g.K * (g.C / g.groups) * rows * columns;
}

/** MACs of every window with the image padding, as layer tables count them: N·K·C/groups·R·S·P·Q. */
export function gridMacs(g: ConvGeometry): number {
  const windows = Math.max(outputHeight(g), 0) * Math.max(outputWidth(g), 0);
  return g.N * g.K * (g.C / g.groups) * g.R * g.S * windows;
}

/**
 * MACs of an input gradient cut into stride phases, with what its windows read outside outputGrad: every input position
 * meets the kernel positions that a stride can bring there.
 */
export function phaseMacs(g: ConvGeometry): number {
  if (outputHeight(g) < 1 || outputWidth(g) < 1) return 0;
  return g.N * g.K * (g.C / g.groups) * phaseTaps(g, 0) * phaseTaps(g, 1);
}

/** MACs that a zero-dilated input gradient would spend on the zeros between strided gradients; 0 for stride 1. */
export function strideMacs(g: ConvGeometry): number {
  if (outputHeight(g) < 1 || outputWidth(g) < 1) return 0;
  return g.N * g.K * (g.C / g.groups) * g.R * g.S * g.H * g.W - phaseMacs(g);
}

/** Pairs of an input position and a kernel position on an axis (0 vertical, 1 horizontal) that a stride aligns. */
function phaseTaps(g: ConvGeometry, axis: 0 | 1): number {
  const [extent, kernel] = axis === 0 ? [g.H, g.R] : [g.W, g.S];
  let pairs = 0;
  for (let at = 0; at < extent; at++) {
    for (let tap = 0; tap < kernel; tap++) {
      if ((at + g.padding[axis * 2] - tap * g.dilation[axis]) % g.stride[axis] === 0) pairs++;
    }
  }
  return pairs;
}

/** Windows along an axis (0 vertical, 1 horizontal) at which kernel position `tap` lies inside the image. */
function insideCount(g: ConvGeometry, axis: 0 | 1, tap: number): number {
  const windows = axis === 0 ? outputHeight(g) : outputWidth(g);
  const extent = axis === 0 ? g.H : g.W;
  const before = g.padding[axis * 2];
  let count = 0;
  for (let i = 0; i < windows; i++) {
    const at = i * g.stride[axis] + tap * g.dilation[axis] - before;
    if (at >= 0 && at < extent) count++;
  }
  return count;
}
