/** What kernels of layers other than convolutions are given, besides the tensors. */

/** A pooling layer. */
// @unmanaged
export class PoolRecord {
  windowRows: i32 = 0;
  windowColumns: i32 = 0;
  strideRows: i32 = 0;
  strideColumns: i32 = 0;
  /** Rows above and columns left of the image that windows reach into. */
  top: i32 = 0;
  left: i32 = 0;
  /** Bytes of a pixel in one unit of work, and into how many such runs that makes a pixel. */
  runBytes: usize = 0;
  runs: i32 = 0;
  /** Max pooling: address of [block][P][Q][C][lanes] indices into the H × W plane. */
  argmax: usize = 0;
}

/** A batch norm layer: addresses of arrays [C] of floats unless said otherwise. */
// @unmanaged
export class NormRecord {
  C: i32 = 0;
  gamma: usize = 0;
  beta: usize = 0;
  mean: usize = 0;
  variance: usize = 0;
  gammaGrad: usize = 0;
  betaGrad: usize = 0;
  /** Guesses of the means, about which sums are taken. */
  shifts: usize = 0;
  /** Mean and 1/√(variance + ε) in double precision, for the backward pass: SAVED_BYTES for each channel. */
  saved: usize = 0;
  /** What each channel is multiplied with: FACTORS_BYTES for each. */
  factors: usize = 0;
}
/** Bytes of the sums for each row and channel, which are two pairs of doubles. */
export const SUMS_BYTES = 32;
/** Bytes of the factors of a channel: m and three more. */
export const FACTORS_BYTES = 16;
export const SAVED_BYTES = 16;
