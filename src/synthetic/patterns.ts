/**
 * How the zeros of one tensor are spread: what masks are drawn from (draw/draw.ts), and what is measured of recorded ones
 * (measure-weight.ts, measure-activation.ts). docs/synthetic-traces.md has the model.
 */

/** Along filters or channels: the standard deviation of normal deviates, or the values themselves, one for each. */
export type Axis = number | Float64Array;

/**
 * How the correlation of pixels falls off along an axis, as in an autoregression of second order: of neighbours it is
 * `correlation`; with `curvature` 0 it falls exponentially, above it is flat at first and then falls fast.
 */
export interface Smoothness {
  readonly correlation: number;
  /** The negated second coefficient of the autoregression, 0 ≤ curvature < 1. */
  readonly curvature: number;
}

/**
 * A weight is w = exp(a + b + c)·z with a of its filter, b of its input channel, c of both (its kernel slice) and a standard
 * normal z of its own; top-k does the rest.
 */
export interface WeightPattern {
  readonly filters: Axis;
  readonly channels: Axis;
  readonly slices: number;
  /** Densities to match, of each filter and of each channel; of a weight of other sizes they mean nothing. */
  readonly densities?: { readonly filters: Float64Array; readonly channels: Float64Array } | undefined;
}

/**
 * An element is kept where a standard normal deviate is large: the sum of b of its channel, i of its image, p of its plane
 * (image and channel), l of its place in all planes and m of its place in the planes of its channel, and of two smooth fields,
 * s of its image and g of its plane. Shares are of the variance.
 */
export interface FieldPattern extends Smoothness {
  /** Share of nonzeros. */
  readonly density: number;
  readonly offsets: number;
  /** b of each channel, where it was measured. */
  readonly ofChannels?: Float64Array | undefined;
  /** Densities to match; those of an activation with another number of channels, images or places mean nothing. */
  readonly densities?: FieldDensities | undefined;
  readonly images: number;
  readonly planes: number;
  /** Shares of l and of m, which are as smooth as s and g, and 0 in the mean over a plane. */
  readonly places: number;
  readonly channelPlaces: number;
  /** s, as a share of what s and g have together. */
  readonly common: number;
}

/** Densities of each channel, of each image, and of each place in all of them. */
export interface FieldDensities {
  readonly channels: Float64Array;
  readonly images: Float64Array;
  readonly places: Float64Array;
}
