/**
 * Geometry of a convolution, in the words that kernels, networks, traces and accelerators share.
 * A fully connected layer is a 1×1 convolution with H = W = 1.
 */

/** Sizes and strides of one convolution; `input` is [N, C, H, W], `weight` [K, C/groups, R, S], `output` [N, K, P, Q]. */
export interface ConvGeometry {
  /** Batch size. */
  readonly N: number;
  /** Input channels, over all groups. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Output channels (filters), over all groups. */
  readonly K: number;
  /** Kernel height. */
  readonly R: number;
  /** Kernel width. */
  readonly S: number;
  /** [vertical, horizontal]. */
  readonly stride: readonly [number, number];
  /** [top, bottom, left, right], in input elements. */
  readonly padding: readonly [number, number, number, number];
  /** [vertical, horizontal]. */
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** Output height P: positions at which the dilated kernel fits into the padded input; 0 or less where it does not fit. */
export function outputHeight(g: ConvGeometry): number {
  return Math.floor((g.H + g.padding[0] + g.padding[1] - g.dilation[0] * (g.R - 1) - 1) / g.stride[0]) + 1;
}

/** Output width Q, as `outputHeight`. */
export function outputWidth(g: ConvGeometry): number {
  return Math.floor((g.W + g.padding[2] + g.padding[3] - g.dilation[1] * (g.S - 1) - 1) / g.stride[1]) + 1;
}

/** Geometry of a fully connected layer with `C` inputs and `K` outputs. */
export function linearGeometry(N: number, C: number, K: number): ConvGeometry {
  return { N, C, H: 1, W: 1, K, R: 1, S: 1, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 };
}

/** [N, C, H, W] of the input. */
export function inputShape(g: ConvGeometry): readonly [number, number, number, number] {
  return [g.N, g.C, g.H, g.W];
}

/** [K, C/groups, R, S] of the weight. */
export function weightShape(g: ConvGeometry): readonly [number, number, number, number] {
  return [g.K, g.C / g.groups, g.R, g.S];
}

/** [N, K, P, Q] of the output and of its gradient. */
export function outputShape(g: ConvGeometry): readonly [number, number, number, number] {
  return [g.N, g.K, outputHeight(g), outputWidth(g)];
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Rows and columns around the input that a convolution reads as zeros. */
export function inputHalo({ padding }: ConvGeometry): readonly [number, number] {
  return [Math.max(padding[0], padding[1]), Math.max(padding[2], padding[3])];
}

/** Rows and columns around outputGrad that the input gradient reads as zeros. */
export function outputGradHalo({ R, S, stride, padding, dilation }: ConvGeometry): readonly [number, number] {
  const reach = (kernel: number, axis: 0 | 1, pad: number) =>
    Math.max(0, Math.ceil((dilation[axis] * (kernel - 1) - pad) / stride[axis]));
  return [reach(R, 0, Math.min(padding[0], padding[1])), reach(S, 1, Math.min(padding[2], padding[3]))];
}
