/**
 * One axis of a planar convolution as a Cartesian product sees it: an activation at x and a tap at offset t meet in output
 * (x − t) / stride, where that is a whole number and exists. All three passes of a layer have this form:
 *
 *     forward     x = padded input,       t = r · dilation,        stride = stride,    outputs = P
 *     inputGrad   x = padded outputGrad,  t = rotated kernel,      stride = 1,         outputs = one stride phase of H
 *     weightGrad  x = padded input,       t = p · stride,          stride = dilation,  outputs = R
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import type { Pass } from "../../operation/operation.ts";

/** A kernel position: its offset in activation positions, and its index in the tensor it is read from. */
export interface Tap {
  readonly offset: number;
  readonly index: number;
}

/** One axis of one convolution. */
export interface PlaneAxis {
  /** Positions of the activation tensor. */
  readonly size: number;
  /** Padding before them; negative where positions that meet no output are cut off. */
  readonly before: number;
  /** Positions after padding (and cutting) on both sides. */
  readonly extent: number;
  readonly stride: number;
  readonly outputs: number;
  /** By ascending offset. */
  readonly taps: readonly Tap[];
}

/** The convolutions along `axis` (0 vertical, 1 horizontal) that a pass consists of: one, or one for each stride phase of inputGrad. */
export function axesOf(pass: Pass, g: ConvGeometry, axis: 0 | 1): PlaneAxis[] {
  const [size, kernel, outputs] = axis === 0 ? [g.H, g.R, outputHeight(g)] : [g.W, g.S, outputWidth(g)];
  const [stride, dilation, before] = [g.stride[axis], g.dilation[axis], g.padding[2 * axis]];
  const extent = size + before + g.padding[2 * axis + 1];
  switch (pass) {
    case "forward":
      return [{ size, before, extent, stride, outputs, taps: tapsEvery(dilation, kernel) }];
    case "weightGrad": {
      // A kernel of one tap has no other that dilation could keep apart.
      const apart = kernel === 1 ? 1 : dilation;
      return [{ size, before, extent, stride: apart, outputs: kernel, taps: tapsEvery(stride, outputs) }];
    }
    case "inputGrad":
      return Array.from({ length: Math.min(stride, size) }, (_, first) => gradPhase(g, axis, first, size, outputs));
  }
}

function tapsEvery(step: number, count: number): Tap[] {
  return Array.from({ length: count }, (_, index) => ({ offset: index * step, index }));
}

/**
 * The input positions first, first + stride, … of an input gradient: a convolution of stride 1 with the taps that a
 * stride can bring there. Output u reads outputGrad at u + (first + padding − r · dilation) / stride.
 */
function gradPhase(g: ConvGeometry, axis: 0 | 1, first: number, size: number, grads: number): PlaneAxis {
  const stride = g.stride[axis];
  const reads: Tap[] = [];
  for (let r = (axis === 0 ? g.R : g.S) - 1; r >= 0; r--) {
    const at = first + g.padding[2 * axis] - r * g.dilation[axis];
    if (at % stride === 0) reads.push({ offset: at / stride, index: r });
  }
  const outputs = Math.ceil((size - first) / stride);
  const lowest = reads[0]?.offset ?? 0;
  const taps = reads.map(({ offset, index }) => ({ offset: offset - lowest, index }));
  return { size: grads, before: -lowest, extent: outputs + lastOffset({ taps }), stride: 1, outputs, taps };
}

/** Offset of the last tap: the kernel's extent − 1. */
export function lastOffset({ taps }: Pick<PlaneAxis, "taps">): number {
  return taps.at(-1)?.offset ?? 0;
}

/** Taps of phase `phase`: those whose offset is congruent to it. */
export function tapsOfPhase({ taps, stride }: PlaneAxis, phase: number): Tap[] {
  return taps.filter(({ offset }) => offset % stride === phase);
}

/** Positions of [from, from + count) that are congruent to `phase`. */
export function positionsOfPhase(from: number, count: number, stride: number, phase: number): number {
  const before = (end: number) => Math.floor((end - 1 - phase) / stride) + 1;
  return before(from + count) - before(from);
}
