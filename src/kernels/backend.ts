/**
 * A build of the kernels as the trainer sees it: it owns the memory of tensors and parameters, keeps activations in the
 * layout its loops want from the first layer to the last, and plans every buffer once for the largest batch. `plain.ts`
 * puts the reference and JavaScript kernels behind it, `wasm/` the WebAssembly ones.
 *
 * **Gradients.** Operations that produce the gradient of an activation take `accumulate`: false overwrites, true adds,
 * so that nothing has to be cleared. Gradients of parameters are always overwritten.
 */
import type { BitMask } from "../core/bit-mask.ts";
import type { ConvGeometry } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";
import type { RandomStream } from "../core/random.ts";
import type { AdamSettings, BuildName, SgdSettings } from "./kernels.ts";

/** An activation or its gradient, [batch, C, H, W] in a layout of the backend's own; read and write it through the backend. */
export interface Tensor {
  /** [C, H, W] of one image. */
  readonly shape: readonly [number, number, number];
  /** Images there is room for. */
  readonly maxBatch: number;
}

/** Rows above and below, columns left and right of an image that convolutions read as zeros. */
export type Halo = readonly [rows: number, columns: number];

/** Of each element of the output of a ReLU whether it passes its gradient on, in a form of the backend's own. */
export interface Signs {
  /** Images there is room for. */
  readonly maxBatch: number;
}

/** A tensor of a step that is in use from time `from` to `to`, both included; times are numbers that only have an order. */
export interface TensorPlan {
  readonly shape: Tensor["shape"];
  readonly halo: Halo;
  readonly from: number;
  readonly to: number;
}

/** One convolution or linear layer with its packed weights and work space. */
export interface Conv {
  /** Takes over those weights |w| ≥ threshold of [K, C/groups, R, S] for the following passes; returns how many are not zero. Zeros may be skipped. */
  setWeight(weight: Float32Array, threshold?: number): number;
  /** output = input ∗ weight + bias. */
  forward(batch: number, input: Tensor, bias: Float32Array | null, output: Tensor): void;
  /** inputGrad = outputGrad ∗ weightᵀ. */
  inputGrad(batch: number, outputGrad: Tensor, inputGrad: Tensor, accumulate: boolean): void;
  /** weightGrad [K, C/groups, R, S] = outputGrad ∗ input, with the elements |x| ≥ threshold of `input` only. */
  weightGrad(batch: number, outputGrad: Tensor, input: Tensor, threshold: number, weightGrad: Float32Array): void;
  /** Keeps the elements |x| ≥ threshold of `input` for `savedWeightGrad`, so that `input` itself may be overwritten. */
  saveInput(batch: number, input: Tensor, threshold: number): void;
  /** `weightGrad` with the input that was saved last, of as many images. */
  savedWeightGrad(batch: number, outputGrad: Tensor, weightGrad: Float32Array): void;
  /** biasGrad [K] = Σ outputGrad. */
  biasGrad(batch: number, outputGrad: Tensor, biasGrad: Float32Array): void;
}

/** Batch norm over [N, H, W] of each channel; arrays are [C]. */
export interface BatchNorm {
  /** With the statistics of the batch; moves the running ones by `momentum` (variance unbiased). */
  train(
    batch: number,
    input: Tensor,
    gamma: Float32Array,
    beta: Float32Array,
    running: RunningStatistics,
    output: Tensor,
  ): void;
  /** With the running statistics. */
  evaluate(
    batch: number,
    input: Tensor,
    gamma: Float32Array,
    beta: Float32Array,
    running: RunningStatistics,
    output: Tensor,
  ): void;
  /** Backward of the last `train`. Overwrites gammaGrad and betaGrad. */
  backward(
    batch: number,
    input: Tensor,
    gamma: Float32Array,
    outputGrad: Tensor,
    inputGrad: Tensor,
    accumulate: boolean,
    gammaGrad: Float32Array,
    betaGrad: Float32Array,
  ): void;
}

/** What batch norm keeps between steps. */
export interface RunningStatistics {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly momentum: number;
  readonly epsilon: number;
}

/** A pooling layer. */
export interface Pool {
  forward(batch: number, input: Tensor, output: Tensor): void;
  backward(batch: number, outputGrad: Tensor, inputGrad: Tensor, accumulate: boolean): void;
}

/** `count` channels, from `source` on in what is read and from `target` on in what is written. */
export interface ChannelRange {
  readonly source: number;
  readonly target: number;
  readonly count: number;
}

/** One build of the kernels with its memory. `batch` is always the number of images in use, at most `maxBatch`. */
export interface Backend {
  readonly name: BuildName;
  readonly threads: number;
  /** Ends the threads beside the calling one; what runs later runs there. */
  close(): void;

  /** Zeros, for a parameter, its gradient or momentum; C order. */
  floats(size: number): Float32Array;
  /** A zeroed activation or gradient; `halo` covers what convolutions read around it (`inputHalo`, `outputGradHalo`). */
  tensor(shape: Tensor["shape"], maxBatch: number, halo: Halo): Tensor;
  /** Tensors of which those share memory that are never in use at the same time; undefined until they are written. */
  tensors(plans: readonly TensorPlan[], maxBatch: number): Tensor[];
  /** Begins the use of a tensor of `tensors`: convolutions find zeros around it. */
  claim(tensor: Tensor): void;
  /** tensor = values [batch, C, H, W]. */
  write(tensor: Tensor, batch: number, values: Float32Array): void;
  /** values [batch, C, H, W] = tensor. */
  read(tensor: Tensor, batch: number, values: Float32Array): void;
  /** Mask [batch, C, H, W] of the elements v ≠ 0 with |v| ≥ threshold. */
  mask(tensor: Tensor, batch: number, threshold: number): BitMask;

  /** `g.N` is the largest batch. */
  conv(g: ConvGeometry): Conv;
  batchNorm(shape: Tensor["shape"], maxBatch: number): BatchNorm;
  maxPool(g: PoolGeometry): Pool;
  averagePool(g: PoolGeometry): Pool;

  /** Room for what a ReLU of that shape keeps. */
  signs(shape: Tensor["shape"], maxBatch: number): Signs;
  /** output = min(max(input, 0), cap), no cap where none is given; NaN stays NaN. `output` may be `input`. */
  relu(batch: number, input: Tensor, output: Tensor, signs: Signs | null, cap?: number): void;
  /** inputGrad = outputGrad where 0 < output < cap when the signs were kept, else 0. Both may be the same tensor. */
  reluBackward(batch: number, signs: Signs, outputGrad: Tensor, inputGrad: Tensor, accumulate: boolean): void;
  /** output = a + b; `output` may be one of them. */
  add(batch: number, a: Tensor, b: Tensor, output: Tensor): void;
  /** target = source, or target += source. */
  copy(batch: number, source: Tensor, target: Tensor, accumulate: boolean): void;
  /** Those channels of `target` = those of `source`, or added to; heights and widths are equal. */
  copyChannels(batch: number, channels: ChannelRange, source: Tensor, target: Tensor, accumulate: boolean): void;
  /**
   * Inverted dropout: target = source/(1 − rate), or added to, but 0 for a share `rate` of the elements, 0 ≤ rate < 1.
   * Which ones is decided by `stream` alone, so that the same call turns a gradient into that of the source.
   */
  dropout(batch: number, rate: number, stream: RandomStream, source: Tensor, target: Tensor, accumulate: boolean): void;

  /**
   * Mean over the batch of (1 − smoothing)·nll + smoothing·mean(−log p) of logits [classes, 1, 1]. Writes the gradient and
   * returns the loss.
   */
  crossEntropy(batch: number, logits: Tensor, labels: ArrayLike<number>, smoothing: number, logitsGrad: Tensor): number;
  /** g = grad + decay·p; buf = momentum·buf + g; p −= rate·(nesterov ? g + momentum·buf : buf). */
  sgdUpdate(settings: SgdSettings, parameter: Float32Array, gradient: Float32Array, buffer: Float32Array): void;
  /** p −= rate·decay·p; m = β1·m + (1 − β1)·g; v = β2·v + (1 − β2)·g²; p −= rate/(1 − β1ᵗ)·m/(√v/√(1 − β2ᵗ) + ε). */
  adamUpdate(
    settings: AdamSettings,
    parameter: Float32Array,
    gradient: Float32Array,
    mean: Float32Array,
    square: Float32Array,
  ): void;

  /** k-th largest |v|, 1 ≤ k ≤ size; NaN counts as the largest. `hint` is a threshold that may be near, e.g. the last one. */
  topK(values: Float32Array, k: number, hint: number): number;
  /** The same over the images of a tensor. */
  topKOf(tensor: Tensor, batch: number, k: number, hint: number): number;
  /** output = |values| ≥ threshold ? values : 0: ties are kept, and so is NaN. */
  applyThreshold(values: Float32Array, threshold: number, output: Float32Array): void;
  /** The same of the images of a tensor: target = |source| ≥ threshold ? source : 0. */
  select(batch: number, source: Tensor, threshold: number, target: Tensor): void;
}
