/** Shapes that the laws of conformance run on: small ones of every kind, empty ones, and ones that fill all lanes. */
import { type ConvGeometry, linearGeometry } from "../../core/geometry.ts";

const conv = (
  [N, C, size, K, kernel]: readonly [N: number, C: number, size: number, K: number, kernel: number],
  rest: Partial<ConvGeometry> = {},
): ConvGeometry => ({
  ...{ N, C, H: size, W: size, K, R: kernel, S: kernel },
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
  ...rest,
});

/** Small shapes of every kind, by name. */
export const SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "3×3": conv([1, 20, 6, 18, 3], { padding: [1, 1, 1, 1] }),
  "3×3 of three images": conv([3, 5, 5, 17, 3], { padding: [1, 1, 1, 1] }),
  "odd sizes and kernel 2×3": conv([1, 33, 5, 7, 2], { W: 9, S: 3, padding: [0, 1, 2, 0] }),
  "1×1": conv([2, 35, 4, 19, 1]),
  "stride 2": conv([1, 18, 9, 20, 3], { stride: [2, 2], padding: [1, 0, 1, 0] }),
  "stride 2 of three channels": conv([2, 3, 11, 18, 7], { stride: [2, 2], padding: [3, 3, 3, 3] }),
  "stride 3, kernel 2": conv([1, 6, 10, 9, 2], { stride: [3, 3] }),
  "stride 1×2": conv([1, 6, 7, 9, 3], { stride: [1, 2], padding: [1, 1, 1, 1] }),
  "stride 2, kernel 1": conv([1, 18, 7, 20, 1], { stride: [2, 2] }),
  dilated: conv([1, 17, 9, 6, 3], { dilation: [2, 3], padding: [2, 2, 3, 3] }),
  "dilated with a stride": conv([1, 7, 11, 6, 3], { dilation: [2, 3], stride: [2, 2], padding: [2, 1, 0, 3] }),
  grouped: conv([2, 12, 5, 20, 3], { groups: 4, padding: [1, 1, 1, 1] }),
  depthwise: conv([1, 9, 6, 9, 3], { groups: 9, padding: [1, 1, 1, 1] }),
  "depthwise with a stride": conv([1, 6, 6, 12, 3], { groups: 6, stride: [2, 2], padding: [1, 1, 1, 1] }),
  "kernel larger than the input": conv([1, 4, 2, 6, 5], { padding: [2, 2, 2, 2] }),
  "padding on one side": conv([1, 5, 4, 7, 3], { padding: [0, 2, 3, 0] }),
  "stride larger than the kernel": conv([1, 5, 9, 7, 2], { stride: [4, 3], padding: [1, 0, 0, 2] }),
  "1×1 of one pixel, dilated": conv([1, 40, 1, 18, 1], { dilation: [3, 5] }),
  "1×1 of one pixel with a stride": conv([2, 40, 1, 18, 1], { stride: [2, 3] }),
  "1×1 dilated with a stride": conv([1, 6, 5, 7, 1], { dilation: [2, 3], stride: [2, 2] }),
  "3×3 of one pixel, dilated": conv([1, 6, 1, 7, 3], { dilation: [2, 2], padding: [2, 2, 2, 2] }),
  linear: linearGeometry(1, 70, 37),
  "linear of three images": linearGeometry(3, 33, 40),
};

/** Shapes without work. */
export const EMPTY_SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "no images": conv([0, 4, 5, 6, 3]),
  "no input channels": conv([1, 0, 5, 6, 3]),
  "no filters": conv([1, 4, 5, 0, 3]),
  "no output": conv([1, 4, 2, 6, 5]),
  "no height": conv([1, 4, 5, 6, 3], { H: 0 }),
};

/** Lanes that `FULL_SHAPES` fill. */
export const FULL = 64;

/** Shapes whose reduction fills `FULL` lanes in every pass. */
export const FULL_SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "3×3": conv([1, FULL, 8, FULL, 3], { padding: [1, 1, 1, 1] }),
  "stride 2": conv([1, FULL, 16, FULL, 3], { stride: [2, 2], padding: [1, 1, 1, 1] }),
  dilated: conv([1, FULL, 8, FULL, 3], { dilation: [2, 2], padding: [2, 2, 2, 2] }),
  "two groups": conv([1, 2 * FULL, 8, 2 * FULL, 1], { groups: 2 }),
};
