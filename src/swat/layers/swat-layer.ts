/**
 * A convolution or linear layer trained with SWAT (Raihan & Aamodt 2020, Algorithm 1):
 *
 *     y  = x ∗ top-k(W) + b          forward: sparse weights, dense activations
 *     save top-k(x), top-k(W)        only the sparse pair is kept for the backward pass
 *     gx = g ∗ top-k(W)ᵀ             input gradient: not masked by top-k(x)
 *     gW = g ∗ top-k(x)              weight gradient: dense, every weight is updated
 *
 * One ranking over the whole weight and one over the whole mini-batch of activations; thresholds are refreshed every
 * period and reused between (a linear layer ranks anew every step, as the authors' code does). With `sparsity` null the
 * layer is dense.
 */
import type { Backend, Conv, Tensor } from "../../kernels/backend.ts";
import { type ConvGeometry, sizeOf, weightShape } from "../../kernels/geometry.ts";
import type { ImageShape, LayerNode } from "../../networks/graph.ts";
import { keepCount } from "../../sparsity/keep-count.ts";
import type { StepRecorder } from "../record.ts";
import { type Activation, type Parameter, parameter, type Source } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

/**
 * The convolution that a layer runs on images of `shape`: a linear layer reads its input where it is, as a convolution
 * whose kernel is the whole image, the C order of the weights being the same.
 */
export function kernelGeometry({ op, geometry }: LayerNode, [C, H, W]: ImageShape): ConvGeometry {
  return op === "linear" ? { ...geometry, C, H, W, R: H, S: W } : geometry;
}

/** A convolution or linear layer with the sparse pair that its backward pass uses. */
export class SwatLayer implements Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  readonly source: Source;
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** The weights that both passes use; the dense ones without SWAT. */
  readonly sparseWeight: Float32Array;
  /** Magnitudes from which on an element is kept; 0 until the first refresh, and without SWAT. */
  readonly thresholds = { weight: 0, input: 0 };
  readonly #node: LayerNode;
  readonly #target: Activation;
  readonly #backend: Backend;
  readonly #conv: Conv;
  readonly #sparsity: number | null;

  constructor(node: LayerNode, source: Source, target: Activation, backend: Backend, sparsity: number | null) {
    this.name = node.name;
    this.#node = node;
    this.source = source;
    this.#target = target;
    this.#backend = backend;
    this.#sparsity = sparsity;
    const g = node.geometry;
    const shape = node.op === "linear" ? [g.K, g.C] : weightShape(g);
    this.weight = parameter(backend, `${node.name}.weight`, shape, sizeOf(shape));
    this.bias = node.bias ? parameter(backend, `${node.name}.bias`, [g.K], g.K) : null;
    this.parameters = this.bias === null ? [this.weight] : [this.weight, this.bias];
    this.sparseWeight = sparsity === null ? this.weight.values : backend.floats(this.weight.values.length);
    this.#conv = backend.conv({ ...kernelGeometry(node, source.shape), N: source.values.maxBatch });
  }

  forward(batch: number, phase: Phase): void {
    this.#selectWeights(phase);
    this.#conv.forward(batch, this.source.values, this.bias?.values ?? null, this.#target.values);
    if (phase.training) this.#selectInput(batch, phase);
  }

  backward(batch: number): void {
    const { values, grad: inputGrad, accumulate } = this.source;
    const outputGrad = this.#target.grad as Tensor;
    if (inputGrad !== null) this.#conv.inputGrad(batch, outputGrad, inputGrad, accumulate);
    this.#conv.weightGrad(batch, outputGrad, values, this.thresholds.input, this.weight.grad);
    if (this.bias !== null) this.#conv.biasGrad(batch, outputGrad, this.bias.grad);
  }

  recordForward(recorder: StepRecorder): void {
    const weight = recorder.weight(this.name, this.weight.shape, this.sparseWeight);
    const input = recorder.activation(this.source);
    recorder.multiply(this.#node, "forward", { input, weight }, recorder.activation(this.#target));
  }

  recordBackward(recorder: StepRecorder): void {
    const outputGrad = recorder.gradient(this.#target);
    const weight = recorder.weight(this.name, this.weight.shape, this.sparseWeight);
    if (this.source.grad !== null) {
      recorder.multiply(this.#node, "inputGrad", { outputGrad, weight }, recorder.gradient(this.source));
    }
    const input =
      this.#sparsity === null
        ? recorder.activation(this.source)
        : recorder.savedInput(this.name, this.source, this.thresholds.input);
    recorder.multiply(this.#node, "weightGrad", { outputGrad, input }, recorder.parameterGrad(this.weight));
  }

  /** Evaluation ranks once and for itself, so that the thresholds of training stay what they were. */
  #selectWeights(phase: Phase): void {
    if (!phase.training && !phase.refresh) return;
    const { values } = this.weight;
    if (this.#sparsity !== null) {
      let threshold = this.thresholds.weight;
      if (!phase.training || this.#ranksAnew(phase)) {
        threshold = this.#backend.topK(values, keepCount(this.#sparsity, values.length), threshold);
      }
      if (phase.training) this.thresholds.weight = threshold;
      this.#backend.applyThreshold(values, threshold, this.sparseWeight);
    }
    this.#conv.setWeight(this.sparseWeight);
  }

  #selectInput(batch: number, phase: Phase): void {
    if (this.#sparsity === null || !this.#ranksAnew(phase)) return;
    const k = keepCount(this.#sparsity, batch * this.source.size);
    this.thresholds.input = this.#backend.topKOf(this.source.values, batch, k, this.thresholds.input);
  }

  #ranksAnew(phase: Phase): boolean {
    return phase.refresh || this.#node.op === "linear";
  }
}
