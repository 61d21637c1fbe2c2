/** The original TensorDash model's padding rules, in our coordinates: y is vertical, x horizontal. */
import { type BitMask, getBit } from "../../src/core/bit-mask.ts";
import type { ConvGeometry } from "../../src/core/geometry.ts";

/** A layer as a golden case describes it. */
export interface PaddedLayer {
  readonly type: string;
  readonly C: number;
  readonly K: number;
  readonly Kx: number;
  readonly Ky: number;
  readonly Nx: number;
  readonly Ny: number;
  readonly Ox: number;
  readonly Oy: number;
  readonly stride: number;
  readonly padding: number;
}

/** Kinds of padding. */
export type PaddingKind = "none" | "vertical" | "horizontal" | "asymmetric" | "symmetric";

/** The kind that the original derives from the shapes. */
export function paddingKind(layer: PaddedLayer): PaddingKind {
  const { Kx, Ky, Nx, Ox, stride, padding: p } = layer;
  if (layer.type === "fc" || p === 0) return "none";
  if (Kx < Ky) return "vertical";
  if (Ky < Kx) return "horizontal";
  return (Nx - Kx + 2 * p) / stride + 1 === Ox ? "symmetric" : "asymmetric";
}

/** [top, bottom, left, right] of the input. */
export function inputPadding(layer: PaddedLayer): readonly [number, number, number, number] {
  const p = layer.padding;
  switch (paddingKind(layer)) {
    case "none":
      return [0, 0, 0, 0];
    case "vertical":
      return [p, p, 0, 0];
    case "horizontal":
      return [0, 0, p, p];
    case "asymmetric":
      return [p, p - 1, p, p - 1];
    case "symmetric":
      return [p, p, p, p];
  }
}

/** How the original pads outputGrad for the input gradient, and the size that results. */
export interface GradPadding {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Padding of outputGrad. */
export function gradPadding(layer: PaddedLayer): GradPadding {
  const { Kx, Nx, Ox, Oy, stride, padding: p } = layer;
  const around = (top: number, bottom: number, left: number, right: number): GradPadding => ({
    ...{ top, left },
    height: Oy + top + bottom,
    width: Ox + left + right,
  });
  switch (paddingKind(layer)) {
    case "vertical":
      return around(p, p, 0, 0);
    case "horizontal":
      return around(0, 0, p, p);
    case "asymmetric":
      return around(p - 1, p, p - 1, p);
    case "symmetric":
      return around(p, p, p, p);
    case "none": {
      // Both axes by the kernel's width, whatever its height is.
      const each = Ox - Kx + 1 === Nx ? 0 : Math.floor((Kx - 1) / stride);
      return around(each, each, each, each);
    }
  }
}

/**
 * Whether the original pads outputGrad so that the windows of the dilated gradient are as many as the input has positions on
 * both axes. Where they are not it means to refuse the layer, and what it would count belongs to another input.
 */
export function gradPaddingFits(layer: PaddedLayer): boolean {
  const { Kx, Ky, stride, padding: p } = layer;
  switch (paddingKind(layer)) {
    case "vertical":
      return Ky === 2 * p + stride && Kx === 1;
    case "horizontal":
      return Kx === 2 * p + stride && Ky === 1;
    case "asymmetric":
      return Kx === 2 * p + stride - 1;
    case "symmetric":
      return Kx === 2 * p + stride;
    case "none":
      return Kx === Ky;
  }
}

/** Nonzeros of the first `height` × `width` positions of the padded image. */
export function cornerOnes(input: BitMask, g: ConvGeometry, height: number, width: number): number {
  let ones = 0;
  for (let c = 0; c < g.C; c++) {
    for (let h = 0; h < Math.min(g.H, height - g.padding[0]); h++) {
      for (let w = 0; w < Math.min(g.W, width - g.padding[2]); w++) {
        if (getBit(input, 0, (c * g.H + h) * g.W + w)) ones++;
      }
    }
  }
  return ones;
}
