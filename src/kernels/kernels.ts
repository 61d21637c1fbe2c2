/**
 * The set of arithmetic that the trainer needs, as one interface: `reference` is the slow, obviously right build, every
 * other build must agree with it. Kernels write into arrays that the caller gives. **Backward kernels add to the
 * gradients they produce**; the caller clears them at the start of a step, so that a tensor with two consumers simply
 * collects both.
 */
import type { ConvGeometry } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";

/** One dense tensor of 32-bit floats, C order. */
export type Floats = Float32Array;

/** Shape of a batch norm's input: [N, C, H, W] seen as [N, C, pixels]. */
export interface NormGeometry {
  readonly N: number;
  readonly C: number;
  /** H × W. */
  readonly pixels: number;
}

/** Hyperparameters of one SGD update of one parameter tensor. */
export interface SgdSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Hyperparameters of one AdamW update of one parameter tensor; `step` counts updates from 1. */
export interface AdamSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly step: number;
}

/** Names of the builds, from the slowest and plainest to the fastest. */
export const BUILD_NAMES = ["reference", "js", "simd", "relaxed"] as const;
/** Name of a build. */
export type BuildName = (typeof BUILD_NAMES)[number];

/** One build of the kernels. Convolution geometries with C = K = groups (depthwise) and H = W = 1 (linear) are ordinary cases. */
export interface Kernels {
  readonly name: BuildName;

  /** output [N, K, P, Q] = input ∗ weight + bias; zeros of `weight` may be skipped. */
  convForward(g: ConvGeometry, input: Floats, weight: Floats, bias: Floats | null, output: Floats): void;
  /** inputGrad [N, C, H, W] += outputGrad ∗ weightᵀ; zeros of `weight` may be skipped. */
  convInputGrad(g: ConvGeometry, outputGrad: Floats, weight: Floats, inputGrad: Floats): void;
  /** weightGrad [K, C/groups, R, S] += outputGrad ∗ input; zeros of `input` may be skipped. */
  convWeightGrad(g: ConvGeometry, outputGrad: Floats, input: Floats, weightGrad: Floats): void;
  /** biasGrad [K] += Σ outputGrad over N, P, Q. */
  biasGrad(g: ConvGeometry, outputGrad: Floats, biasGrad: Floats): void;

  /**
   * Training batch norm: output = γ·(x − mean)·invStd + β with batch mean and biased variance. Writes mean and
   * 1/√(variance + ε) [C] for the backward pass and moves the running statistics by `momentum` (variance unbiased).
   */
  batchNormTrain(
    g: NormGeometry,
    input: Floats,
    gamma: Floats,
    beta: Floats,
    epsilon: number,
    momentum: number,
    runningMean: Floats,
    runningVariance: Floats,
    mean: Floats,
    invStd: Floats,
    output: Floats,
  ): void;
  /** Evaluating batch norm with the running statistics. */
  batchNormEval(
    g: NormGeometry,
    input: Floats,
    gamma: Floats,
    beta: Floats,
    epsilon: number,
    runningMean: Floats,
    runningVariance: Floats,
    output: Floats,
  ): void;
  /** Backward of `batchNormTrain`; `mean`, `invStd` as it wrote them. Adds to inputGrad, gammaGrad, betaGrad. */
  batchNormBackward(
    g: NormGeometry,
    input: Floats,
    gamma: Floats,
    mean: Floats,
    invStd: Floats,
    outputGrad: Floats,
    inputGrad: Floats,
    gammaGrad: Floats,
    betaGrad: Floats,
  ): void;

  /** output[i] = min(max(input[i], 0), cap) for i < size, no cap where none is given; NaN stays NaN. */
  reluForward(size: number, input: Floats, output: Floats, cap?: number): void;
  /** inputGrad[i] += outputGrad[i] where 0 < output[i] < cap. */
  reluBackward(size: number, output: ArrayLike<number>, outputGrad: Floats, inputGrad: Floats, cap?: number): void;

  /** output = a + b. */
  addForward(size: number, a: Floats, b: Floats, output: Floats): void;
  /** target[i] += source[i]. */
  accumulate(size: number, source: Floats, target: Floats): void;

  /** Maximum of each window; `argmax` [N, C, P, Q] receives the index into the H × W plane of the first maximum in row-major order. */
  maxPoolForward(g: PoolGeometry, input: Floats, output: Floats, argmax: Int32Array): void;
  /** inputGrad at `argmax` += outputGrad. */
  maxPoolBackward(g: PoolGeometry, outputGrad: Floats, argmax: Int32Array, inputGrad: Floats): void;
  /** Mean of each window over window[0]·window[1] elements, padding counted as zeros. Global pooling: window = [H, W]. */
  averagePoolForward(g: PoolGeometry, input: Floats, output: Floats): void;
  averagePoolBackward(g: PoolGeometry, outputGrad: Floats, inputGrad: Floats): void;

  /**
   * Mean over the batch of (1 − smoothing)·nll + smoothing·mean(−log p). Writes the gradient (not added) into
   * logitsGrad [N, classes] and returns the loss.
   */
  crossEntropy(
    N: number,
    classes: number,
    logits: Floats,
    labels: ArrayLike<number>,
    smoothing: number,
    logitsGrad: Floats,
  ): number;

  /** g = grad + decay·p; buf = momentum·buf + g; p −= rate·(nesterov ? g + momentum·buf : buf). `buffer` is ignored without momentum. */
  sgdUpdate(settings: SgdSettings, parameter: Floats, gradient: Floats, buffer: Floats): void;

  /** p −= rate·decay·p; m = β1·m + (1 − β1)·g; v = β2·v + (1 − β2)·g²; p −= rate/(1 − β1ᵗ)·m/(√v/√(1 − β2ᵗ) + ε). */
  adamUpdate(settings: AdamSettings, parameter: Floats, gradient: Floats, mean: Floats, square: Floats): void;

  /** k-th largest |v| over values[0..size), 1 ≤ k ≤ size; NaN counts as the largest. */
  topKThreshold(values: Floats, size: number, k: number): number;
  /** output[i] = |values[i]| ≥ threshold ? values[i] : 0, for i < size: ties are kept, and so is NaN. */
  applyThreshold(values: Floats, size: number, threshold: number, output: Floats): void;
}
