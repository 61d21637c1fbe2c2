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
 *
 * Other choices of what is dropped are possible (../../sparsity/operand-masking.ts); a pass that drops nothing of an operand reads it densely.
 * Gradients go straight through every selection. Evaluation runs the forward pass of training, ranked for itself.
 *
 * Masks of weights (../../sparsity/masks/mask-method.ts) take the place of all ranking where a method brings them.
 */

import { countNonzeros } from "../../core/bit-mask.ts";
import { type ConvGeometry, inputHalo, outputGradHalo, sizeOf, weightShape } from "../../core/geometry.ts";
import type { RandomStream } from "../../core/random.ts";
import type { Backend, Conv, Tensor } from "../../kernels/backend.ts";
import type { ImageShape, LayerNode } from "../../networks/graph.ts";
import { drawParameters } from "../../networks/initial-draws.ts";
import { keepCount } from "../../sparsity/keep-count.ts";
import { keepLargestOfEmpty } from "../../sparsity/keep-filters.ts";
import type { LayerMasks } from "../../sparsity/masks/mask-method.ts";
import { keptMomentum } from "../../sparsity/momentum.ts";
import { type Drop, SWAT_DROPS } from "../../sparsity/operand-masking.ts";
import { type Pruning, type StructuredPruner, structuredPruner, unitSize } from "../../sparsity/structured.ts";
import { type Activation, type Parameter, parameter, type Source } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

/**
 * The convolution that a layer runs on images of `shape`: a linear layer reads its input where it is, as a convolution
 * whose kernel is the whole image, the C order of the weights being the same.
 */
export function kernelGeometry({ op, geometry }: LayerNode, [C, H, W]: ImageShape): ConvGeometry {
  return op === "linear" ? { ...geometry, C, H, W, R: H, S: W } : geometry;
}

/** How a layer selects what it keeps; SWAT's way where not given. */
export interface Selection {
  readonly pruning?: Pruning | undefined;
  readonly drops?: readonly Drop[] | undefined;
  /** Whether a filter that would lose all its weights keeps its largest; not with `pruning` "filter". */
  readonly keepFilters?: boolean | undefined;
}

/** What masks drop. */
const MASKED_WEIGHTS: readonly Drop[] = ["weights:forward", "weights:backward"];

/** What drops the weights of a pass. */
const DROP_OF = { forward: "weights:forward", inputGrad: "weights:backward" } as const;

/** What a layer computes with: a share to drop by top-k, masks of a method, or everything (null). */
export type Keeping = number | LayerMasks | null;

/** What a layer drops. */
function dropsOf(keeping: Keeping, { drops = SWAT_DROPS }: Selection): readonly Drop[] {
  if (keeping === null) return [];
  return typeof keeping === "number" ? drops : MASKED_WEIGHTS;
}

/** Whether a layer saves its own copy of what its backward pass reads of its input. */
export function savesInput(keeping: Keeping, selection: Selection): boolean {
  return dropsOf(keeping, selection).includes("inputs:backward");
}

/** A convolution or linear layer that drops operands of its passes. */
export class SwatLayer implements Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  readonly source: Source;
  readonly weight: Parameter;
  /** Weights that are pruned as a whole. */
  readonly unit: number;
  readonly bias: Parameter | null;
  /** Whether the layer saves its own copy of what its backward pass reads of its input. */
  readonly savesInput: boolean;
  /**
   * Magnitudes from which on an element was kept in the last step; 0 until the first refresh, and without SWAT. Of weights
   * pruned in units, the lowest score of a unit that was kept.
   */
  readonly thresholds = { weight: 0, input: 0, outputGrad: 0 };
  /** Share of each operand that is dropped from the next ranking on; null = dense. SWAT-M moves it. */
  sparsity: number | null;
  readonly masks: LayerMasks | null;
  /** Sparsity at which the last training step that ranked an operand did so; until then the initial one; 0 of a dense layer. */
  readonly ranked: { weight: number; input: number };
  /** Nonzero weights that top-k kept in the last training step; until then what the initial sparsity keeps. */
  keptWeights: number;
  readonly #node: LayerNode;
  readonly #target: Activation;
  readonly #backend: Backend;
  readonly #conv: Conv;
  readonly #drops: ReadonlySet<Drop>;
  /** The kept weights where a threshold does not determine them: those pruned in units, and of filters that keep their largest. */
  readonly #pruned: Float32Array | null;
  /** Magnitude from which on weights were kept in the last ranking or its reuse, in training or evaluation. */
  #keptFrom = 0;
  /** Copies with the kept elements only, for passes that drop of these operands. */
  readonly #keptInput: Tensor | null;
  readonly #keptGrad: Tensor | null;
  /** Phase of the last forward. */
  #phase: Phase = { training: false, refresh: false };
  /** Thresholds of the last refresh. */
  readonly #stored = { weight: 0, input: 0, outputGrad: 0 };
  readonly #pruning: Pruning;
  readonly #pruner: StructuredPruner | null;
  readonly #keepFilters: boolean;
  #active: Uint8Array | null = null;

  constructor(
    node: LayerNode,
    [source, target]: readonly [Source, Activation],
    backend: Backend,
    keeping: Keeping,
    { pruning = "unstructured", drops = SWAT_DROPS, keepFilters = false }: Selection = {},
  ) {
    this.name = node.name;
    this.#node = node;
    this.source = source;
    this.#target = target;
    this.#backend = backend;
    this.masks = typeof keeping === "number" ? null : keeping;
    const sparsity = typeof keeping === "number" ? keeping : (keeping?.sparsity ?? null);
    this.sparsity = sparsity;
    this.ranked = { weight: sparsity ?? 0, input: sparsity ?? 0 };
    const g = node.geometry;
    const shape = node.op === "linear" ? [g.K, g.C] : weightShape(g);
    this.weight = parameter(backend, `${node.name}.weight`, shape, sizeOf(shape));
    this.keptWeights = keepCount(sparsity ?? 0, this.weight.values.length);
    this.bias = node.bias ? parameter(backend, `${node.name}.bias`, [g.K], g.K) : null;
    this.#pruning = pruning;
    this.unit = unitOf(node, pruning);
    const isStructured = pruning !== "unstructured" && node.op === "conv";
    this.#pruner = isStructured ? structuredPruner(sizeOf(shape) / this.unit, this.unit) : null;
    this.#keepFilters = keepFilters;
    this.parameters = this.bias === null ? [this.weight] : [this.weight, this.bias];
    this.#drops = new Set(dropsOf(keeping, { drops }));
    const copies = this.#dropsWeights && (this.masks !== null || pruning !== "unstructured" || keepFilters);
    this.#pruned = copies ? backend.floats(this.weight.values.length) : null;
    this.savesInput = savesInput(keeping, { drops });
    const { maxBatch } = source.values;
    const kernel = kernelGeometry(node, source.shape);
    this.#keptInput = this.#drops.has("inputs:forward")
      ? backend.tensor(source.shape, maxBatch, inputHalo(kernel))
      : null;
    this.#keptGrad = this.#drops.has("outputGrad:backward")
      ? backend.tensor(target.shape, maxBatch, outputGradHalo(kernel))
      : null;
    this.#conv = backend.conv({ ...kernel, N: maxBatch });
  }

  /** Draws weight and bias as the network says. */
  initialise(stream: RandomStream): void {
    drawParameters(this.#node, stream, this.weight.values, this.bias?.values ?? null);
    this.masks?.begin?.(this.weight);
  }

  /** Thresholds of the last refresh, which later steps reuse; a resumed run restores them. */
  get stored(): { weight: number; input: number; outputGrad: number } {
    return this.#stored;
  }

  /** The weights of the passes that drop some, until the next update; the dense ones where none does. */
  get sparseWeight(): Float32Array {
    const { values } = this.weight;
    if (!this.#dropsWeights) return values;
    if (this.#pruned !== null) return this.#pruned;
    const kept = new Float32Array(values.length);
    this.#backend.applyThreshold(values, this.#keptFrom, kept);
    return kept;
  }

  /** The weights that a pass of the last step multiplied with: the dense ones where it drops none. */
  weightOf(pass: "forward" | "inputGrad"): Float32Array {
    return this.#drops.has(DROP_OF[pass]) ? this.sparseWeight : this.weight.values;
  }

  /** The magnitude from which on the last step kept elements of an operand; null where it dropped none. */
  keptFrom(drop: Exclude<Drop, `weights:${string}`>): number | null {
    if (!this.#drops.has(drop)) return null;
    return drop === "outputGrad:backward" ? this.thresholds.outputGrad : this.thresholds.input;
  }

  forward(batch: number, phase: Phase): void {
    this.#phase = phase;
    this.#selectWeights(phase);
    const input = this.#selectInput(batch, phase);
    this.#conv.forward(batch, input, this.bias?.values ?? null, this.#target.values);
    if (phase.training && this.savesInput) this.#conv.saveInput(batch, this.source.values, this.thresholds.input);
  }

  backward(batch: number): void {
    const { values, grad: inputGrad, accumulate } = this.source;
    const dense = this.#target.grad as Tensor;
    const outputGrad = this.#selectOutputGrad(batch, dense);
    if (inputGrad !== null) {
      if (this.#drops.has("weights:forward") !== this.#drops.has("weights:backward")) this.#setWeight("inputGrad");
      this.#conv.inputGrad(batch, outputGrad, inputGrad, accumulate);
    }
    if (this.savesInput) this.#conv.savedWeightGrad(batch, outputGrad, this.weight.grad);
    else this.#conv.weightGrad(batch, outputGrad, values, 0, this.weight.grad);
    if (this.wanted !== null) applyMask(this.weight.grad, this.wanted, this.weight.grad);
    if (this.bias !== null) this.#conv.biasGrad(batch, dense, this.bias.grad);
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

  /** The weights that the last forward pass took for active, where masks say so; null elsewhere. */
  get active(): Uint8Array | null {
    return this.#active;
  }

  /** Elements of the weight gradient that the last training step computed; null for all. */
  get wanted(): Uint8Array | null {
    return this.masks === null || this.#phase.maskStep === "regrow" ? null : this.masks.wanted;
  }

  /**
   * Adds to the wanted gradients what the optimizer adds elsewhere, weight decay or what the masks take for it. Returns
   * whether it has: not for other parameters, nor without masks.
   */
  addPenalty(parameter: Parameter, weightDecay: number): boolean {
    const { masks, weight } = this;
    if (masks === null || parameter !== weight) return false;
    if (masks.penalize !== undefined) masks.penalize(weight, weightDecay);
    else for (let i = 0; i < weight.grad.length; i++) weight.grad[i] += weightDecay * weight.values[i];
    if (masks.wanted !== null) applyMask(weight.grad, masks.wanted, weight.grad);
    return true;
  }

  /** Evaluation ranks once and for itself, so that the thresholds of training stay what they were. */
  #selectWeights(phase: Phase): void {
    if (!phase.training && !phase.refresh) return;
    if (this.masks !== null) this.#maskWeights(this.masks, phase);
    else if (this.sparsity !== null && this.#dropsWeights) {
      const threshold = this.#prune(this.#sparsityFor("weight", this.sparsity, phase), phase);
      this.#keptFrom = threshold;
      if (phase.training) this.thresholds.weight = threshold;
      if (this.#stores(phase)) this.#stored.weight = threshold;
    }
    const kept = this.#setWeight("forward");
    if (this.#countsWeights(phase)) {
      this.keptWeights = this.#drops.has("weights:forward") ? kept : countNonzeros(this.sparseWeight);
    }
  }

  #maskWeights(masks: LayerMasks, phase: Phase): void {
    const { values } = this.weight;
    if (phase.maskStep === "select") masks.select?.(this.weight);
    this.#active = phase.training ? masks.active : (masks.activeOf?.(values) ?? masks.active);
    if (this.#pruned !== null) applyMask(values, this.#active, this.#pruned);
  }

  /** Gives the convolution what a pass multiplies with; returns how many weights are not zero. */
  #setWeight(pass: "forward" | "inputGrad"): number {
    const { values } = this.weight;
    if (!this.#drops.has(DROP_OF[pass])) return this.#conv.setWeight(values);
    return this.#pruned === null ? this.#conv.setWeight(values, this.#keptFrom) : this.#conv.setWeight(this.#pruned);
  }

  /** Whether what a training step keeps counts as `keptWeights`: where only a threshold decides, before filters are filled up. */
  #countsWeights({ training }: Phase): boolean {
    return training && this.sparsity !== null && this.#dropsWeights && this.#pruned === null;
  }

  /** Decides which weights are kept; returns the threshold. */
  #prune(sparsity: number, phase: Phase): number {
    const { values } = this.weight;
    const ranks = !phase.training || this.#pruner !== null || this.#ranksAnew(phase);
    if (phase.training && ranks) this.ranked.weight = sparsity;
    if (this.#pruner !== null && this.#pruned !== null) {
      const threshold = this.#pruner(values, sparsity, this.#pruned);
      this.#fillFilters();
      return threshold;
    }
    let threshold = this.#stored.weight;
    if (ranks) {
      const isOfLastStep = !phase.training && phase.evaluation === "last-step";
      const k = isOfLastStep ? Math.max(1, this.keptWeights) : keepCount(sparsity, values.length);
      threshold = this.#backend.topK(values, k, this.thresholds.weight);
    }
    if (this.#pruned === null) return threshold;
    this.#backend.applyThreshold(values, threshold, this.#pruned);
    if (phase.training) this.keptWeights = countNonzeros(this.#pruned);
    this.#fillFilters();
    return threshold;
  }

  #fillFilters(): void {
    if (!this.#keepFilters || this.#pruned === null) return;
    keepLargestOfEmpty(this.weight.values, this.weight.shape[0], this.unit, this.#pruned);
  }

  /** What the forward pass reads; in training, inputs that any pass drops are ranked here. */
  #selectInput(batch: number, phase: Phase): Tensor {
    const { values, size } = this.source;
    const ranks = this.#keptInput !== null || (phase.training && this.#drops.has("inputs:backward"));
    if (this.sparsity === null || !ranks) return values;
    let threshold: number;
    const sparsity = this.#sparsityFor("input", this.sparsity, phase);
    if (phase.training) threshold = this.#rank("input", values, [batch, size], sparsity, phase);
    else threshold = this.#topK(values, batch, size, sparsity, this.thresholds.input);
    if (this.#keptInput === null) return values;
    this.#backend.select(batch, values, threshold, this.#keptInput);
    return this.#keptInput;
  }

  #selectOutputGrad(batch: number, grad: Tensor): Tensor {
    if (this.sparsity === null || this.#keptGrad === null) return grad;
    const threshold = this.#rank("outputGrad", grad, [batch, this.#target.size], this.sparsity, this.#phase);
    this.#backend.select(batch, grad, threshold, this.#keptGrad);
    return this.#keptGrad;
  }

  /** Threshold of a tensor of `size` elements an image in a training step. */
  #rank(
    operand: "input" | "outputGrad",
    tensor: Tensor,
    [batch, size]: readonly [number, number],
    sparsity: number,
    phase: Phase,
  ): number {
    const { thresholds } = this;
    let threshold = this.#stored[operand];
    if (this.#ranksAnew(phase)) {
      threshold = this.#topK(tensor, batch, size, sparsity, thresholds[operand]);
      if (operand === "input") this.ranked.input = sparsity;
    }
    thresholds[operand] = threshold;
    if (this.#stores(phase)) this.#stored[operand] = threshold;
    return threshold;
  }

  /** The sparsity of now, or in an evaluation with the densities of the last step that of its ranking. */
  #sparsityFor(operand: "weight" | "input", now: number, { training, evaluation }: Phase): number {
    return !training && evaluation === "last-step" ? this.ranked[operand] : now;
  }

  #topK(tensor: Tensor, batch: number, size: number, sparsity: number, hint: number): number {
    return this.#backend.topKOf(tensor, batch, keepCount(sparsity, batch * size), hint);
  }

  get #dropsWeights(): boolean {
    return this.#drops.has("weights:forward") || this.#drops.has("weights:backward");
  }

  #ranksAnew({ refresh, warmup }: Phase): boolean {
    return refresh || warmup === true || this.#node.op === "linear";
  }

  #stores({ training, refresh, warmup }: Phase): boolean {
    return training && refresh && (warmup !== true || this.#node.op === "linear");
  }
}

/** target = values where the mask has a 1, else +0. */
function applyMask(values: Float32Array, mask: Uint8Array, target: Float32Array): void {
  for (let i = 0; i < values.length; i++) target[i] = mask[i] === 1 ? values[i] : 0;
}

/** Weights of a unit; linear layers are always pruned weight by weight. */
function unitOf({ op, geometry: g }: LayerNode, pruning: Pruning): number {
  if (op === "linear" || pruning === "unstructured") return 1;
  const [K, channels, R, S] = weightShape(g);
  return unitSize(pruning, [K, channels, R, S]);
}
