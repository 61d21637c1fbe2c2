/**
 * A convolution or linear layer trained with SWAT (Raihan & Aamodt 2020, Algorithm 1):
 *
 *     y  = x ∗ top-k(W) + b          forward: sparse weights, dense activations
 *     save top-k(x), top-k(W)        only the sparse pair is kept for the backward pass
 *     gx = g ∗ top-k(W)ᵀ             input gradient: not masked by top-k(x)
 *     gW = g ∗ top-k(x)              weight gradient: dense, every weight is updated
 *
 * One ranking over the whole weight and one over the whole mini-batch of activations; thresholds are refreshed every
 * period and reused between (a linear layer, and weights pruned in units, are ranked anew every step, as the authors'
 * code does). With `sparsity` null the layer is dense.
 */
import type { Backend, Conv, Tensor } from "../../kernels/backend.ts";
import { type ConvGeometry, sizeOf, weightShape } from "../../kernels/geometry.ts";
import type { RandomStream } from "../../kernels/random.ts";
import type { ImageShape, LayerNode } from "../../networks/graph.ts";
import { drawParameters } from "../../networks/initial-draws.ts";
import { keepCount } from "../../sparsity/keep-count.ts";
import { keptMomentum } from "../../sparsity/momentum.ts";
import { type Pruning, type StructuredPruner, structuredPruner, unitSize } from "../../sparsity/structured.ts";
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
  /**
   * Magnitudes from which on an element was kept in the last step; 0 until the first refresh, and without SWAT. Of weights
   * pruned in units, the lowest score of a unit that was kept.
   */
  readonly thresholds = { weight: 0, input: 0 };
  /** Share of weights and saved inputs that is dropped from now on; null = dense. SWAT-M moves it. */
  sparsity: number | null;
  readonly #node: LayerNode;
  readonly #target: Activation;
  readonly #backend: Backend;
  readonly #conv: Conv;
  /** Thresholds of the last refresh. */
  readonly #stored = { weight: 0, input: 0 };
  readonly #pruning: Pruning;
  readonly #pruner: StructuredPruner | null;

  constructor(
    node: LayerNode,
    source: Source,
    target: Activation,
    backend: Backend,
    sparsity: number | null,
    pruning: Pruning = "unstructured",
  ) {
    this.name = node.name;
    this.#node = node;
    this.source = source;
    this.#target = target;
    this.#backend = backend;
    this.sparsity = sparsity;
    const g = node.geometry;
    const shape = node.op === "linear" ? [g.K, g.C] : weightShape(g);
    this.weight = parameter(backend, `${node.name}.weight`, shape, sizeOf(shape));
    this.bias = node.bias ? parameter(backend, `${node.name}.bias`, [g.K], g.K) : null;
    this.#pruning = pruning;
    this.#pruner = prunerOf(node, pruning);
    this.parameters = this.bias === null ? [this.weight] : [this.weight, this.bias];
    this.sparseWeight = sparsity === null ? this.weight.values : backend.floats(this.weight.values.length);
    this.#conv = backend.conv({ ...kernelGeometry(node, source.shape), N: source.values.maxBatch });
  }

  /** Draws weight and bias as the network says. */
  initialise(stream: RandomStream): void {
    drawParameters(this.#node, stream, this.weight.values, this.bias?.values ?? null);
  }

  /** Thresholds of the last refresh, which later steps reuse; a run that goes on sets them. */
  get stored(): { weight: number; input: number } {
    return this.#stored;
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
      this.sparsity === null
        ? recorder.activation(this.source)
        : recorder.savedInput(this.name, this.source, this.thresholds.input);
    recorder.multiply(this.#node, "weightGrad", { outputGrad, input }, recorder.parameterGrad(this.weight));
  }

  /**
   * Mean |momentum| after an optimizer's step over the weights that SWAT-M takes for kept: |weight| ≥ the threshold of the
   * last refresh in the weights `before` the step; of weights pruned in units, those that the step used.
   */
  keptMomentum(before: Float32Array): number {
    const { momentum } = this.weight;
    if (this.#pruning === "unstructured") return keptMomentum(before, momentum, this.#stored.weight);
    return keptMomentum(this.sparseWeight, momentum, Number.MIN_VALUE);
  }

  /** Evaluation ranks once and for itself, so that the thresholds of training stay what they were. */
  #selectWeights(phase: Phase): void {
    if (!phase.training && !phase.refresh) return;
    if (this.sparsity !== null) {
      const threshold = this.#prune(this.sparsity, phase);
      if (phase.training) this.thresholds.weight = threshold;
      if (this.#stores(phase)) this.#stored.weight = threshold;
    }
    this.#conv.setWeight(this.sparseWeight);
  }

  /** Puts the kept weights into `sparseWeight`; returns the threshold that decided. */
  #prune(sparsity: number, phase: Phase): number {
    const { values } = this.weight;
    if (this.#pruner !== null) return this.#pruner(values, sparsity, this.sparseWeight);
    let threshold = this.#stored.weight;
    if (!phase.training || this.#ranksAnew(phase)) {
      threshold = this.#backend.topK(values, keepCount(sparsity, values.length), this.thresholds.weight);
    }
    this.#backend.applyThreshold(values, threshold, this.sparseWeight);
    return threshold;
  }

  #selectInput(batch: number, phase: Phase): void {
    if (this.sparsity === null) return;
    const { thresholds } = this;
    if (this.#ranksAnew(phase)) {
      const k = keepCount(this.sparsity, batch * this.source.size);
      thresholds.input = this.#backend.topKOf(this.source.values, batch, k, thresholds.input);
    } else thresholds.input = this.#stored.input;
    if (this.#stores(phase)) this.#stored.input = thresholds.input;
  }

  #ranksAnew({ refresh, warmup }: Phase): boolean {
    return refresh || warmup === true || this.#node.op === "linear";
  }

  #stores({ training, refresh, warmup }: Phase): boolean {
    return training && refresh && (warmup !== true || this.#node.op === "linear");
  }
}

/** Linear layers are always pruned weight by weight. */
function prunerOf({ op, geometry: g }: LayerNode, pruning: Pruning): StructuredPruner | null {
  if (op === "linear" || pruning === "unstructured") return null;
  const [K, channels, R, S] = weightShape(g);
  const size = unitSize(pruning, [K, channels, R, S]);
  return structuredPruner((K * channels * R * S) / size, size);
}
