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
import { type ConvGeometry, sizeOf, weightShape } from "../../kernels/geometry.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { LayerNode } from "../../networks/graph.ts";
import { keepCount } from "../../sparsity/keep-count.ts";
import type { StepRecorder } from "../record.ts";
import { type Activation, type Parameter, parameter } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

/** A convolution or linear layer with the sparse pair that its backward pass uses. */
export class SwatLayer implements Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  readonly source: Activation;
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** The weights that both passes use, and the input that the weight gradient uses; the dense ones without SWAT. */
  readonly sparseWeight: Float32Array;
  readonly savedInput: Float32Array;
  /** Magnitudes from which on an element is kept; 0 until the first refresh. */
  readonly thresholds = { weight: 0, input: 0 };
  readonly #node: LayerNode;
  readonly #target: Activation;
  readonly #kernels: Kernels;
  readonly #sparsity: number | null;
  readonly #geometries = new Map<number, ConvGeometry>();

  constructor(node: LayerNode, source: Activation, target: Activation, kernels: Kernels, sparsity: number | null) {
    this.name = node.name;
    this.#node = node;
    this.source = source;
    this.#target = target;
    this.#kernels = kernels;
    this.#sparsity = sparsity;
    const g = node.geometry;
    const shape = node.op === "linear" ? [g.K, g.C] : weightShape(g);
    this.weight = parameter(`${node.name}.weight`, shape, sizeOf(shape));
    this.bias = node.bias ? parameter(`${node.name}.bias`, [g.K], g.K) : null;
    this.parameters = this.bias === null ? [this.weight] : [this.weight, this.bias];
    this.sparseWeight = sparsity === null ? this.weight.values : new Float32Array(this.weight.values.length);
    this.savedInput = sparsity === null ? source.values : new Float32Array(source.values.length);
  }

  forward(batch: number, phase: Phase): void {
    const g = this.#geometry(batch);
    const kernels = this.#kernels;
    this.#selectWeights(phase);
    kernels.convForward(g, this.source.values, this.sparseWeight, this.bias?.values ?? null, this.#target.values);
    if (phase.training) this.#selectInput(batch, phase);
  }

  backward(batch: number): void {
    const g = this.#geometry(batch);
    const kernels = this.#kernels;
    const grad = this.#target.grad as Float32Array;
    if (this.source.grad !== null) kernels.convInputGrad(g, grad, this.sparseWeight, this.source.grad);
    kernels.convWeightGrad(g, grad, this.savedInput, this.weight.grad);
    if (this.bias !== null) kernels.biasGrad(g, grad, this.bias.grad);
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
        : recorder.savedInput(this.name, this.source, this.savedInput);
    recorder.multiply(this.#node, "weightGrad", { outputGrad, input }, recorder.parameterGrad(this.weight));
  }

  /** Evaluation ranks once and for itself, so that the thresholds of training stay what they were. */
  #selectWeights(phase: Phase): void {
    if (this.#sparsity === null || !(phase.training || phase.refresh)) return;
    const { values } = this.weight;
    let threshold = this.thresholds.weight;
    if (!phase.training || this.#ranksAnew(phase)) {
      threshold = this.#kernels.topKThreshold(values, values.length, keepCount(this.#sparsity, values.length));
    }
    if (phase.training) this.thresholds.weight = threshold;
    this.#kernels.applyThreshold(values, values.length, threshold, this.sparseWeight);
  }

  #selectInput(batch: number, phase: Phase): void {
    if (this.#sparsity === null) return;
    const { values } = this.source;
    const size = batch * this.source.size;
    if (this.#ranksAnew(phase)) {
      this.thresholds.input = this.#kernels.topKThreshold(values, size, keepCount(this.#sparsity, size));
    }
    this.#kernels.applyThreshold(values, size, this.thresholds.input, this.savedInput);
  }

  #ranksAnew(phase: Phase): boolean {
    return phase.refresh || this.#node.op === "linear";
  }

  #geometry(batch: number): ConvGeometry {
    let geometry = this.#geometries.get(batch);
    if (geometry === undefined) {
      geometry = { ...this.#node.geometry, N: batch };
      this.#geometries.set(batch, geometry);
    }
    return geometry;
  }
}
