/**
 * A network ready to train: its layers with every buffer they need, allocated once for the largest batch, and the three
 * verbs of a step: forward, backward, update.
 */

import { sizeOf } from "../core/geometry.ts";
import { randomStream } from "../core/random.ts";
import type { Backend, Tensor } from "../kernels/backend.ts";
import type { SgdSettings } from "../kernels/kernels.ts";
import type { Network, NetworkNode } from "../networks/graph.ts";
import { multiplies } from "../step/layer-kinds.ts";
import { BatchNormLayer } from "./layers/batch-norm.ts";
import { makeLayer } from "./layers/index.ts";
import type { Layer, Phase } from "./layers/layer.ts";
import { type Keeping, type Selection, SwatLayer, savesInput } from "./layers/swat-layer.ts";
import { planStep } from "./step-memory.ts";
import type { Activation, Parameter, Source } from "./tensors.ts";

/** Of AdamW, as PyTorch. */
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/** How `Model.update` moves the parameters. */
export interface UpdateSettings extends SgdSettings {
  /** Of AdamW; the model updates with it once it has squares (`addSquares`). */
  readonly beta2?: number;
  /** Of the run, from 0; AdamW corrects its means by it. */
  readonly step?: number;
  /** Whether weight decay also applies to γ and β of batch norm (default: true). */
  readonly batchNormDecay?: boolean;
}

/** Sees every parameter right before and right after it is moved. */
export interface UpdateWatch {
  before(parameter: Parameter): void;
  after(parameter: Parameter): void;
}

/**
 * Sees the tensors of a step while they are there: the memory of an activation or gradient goes to another after its last
 * use (./step-memory.ts).
 */
export interface StepObserver {
  /** The output of a node is whole. What a convolution or linear layer has read is still there. */
  onOutput?(node: NetworkNode, output: Activation): void;
  /** The gradient of the output of a node is whole. */
  onGradient?(node: NetworkNode, output: Activation): void;
  /** A node has done its backward pass; of a convolution or linear layer the gradient is still there. */
  onBackward?(node: NetworkNode, output: Activation): void;
}

/** A network with its layers, activations and parameters. */
export class Model {
  /** [maxBatch, C, H, W]: where the caller puts the images of the next forward. */
  readonly pixels: Float32Array;
  readonly images: Activation;
  readonly logits: Activation;
  readonly layers: readonly Layer[];
  readonly parameters: readonly Parameter[];
  readonly classes: number;
  readonly backend: Backend;
  readonly network: Network;
  /** What belongs to each layer. */
  readonly #steps: LayerStep[] = [];

  /** @param keeping what each convolution and linear layer computes with, in order. */
  constructor(
    network: Network,
    maxBatch: number,
    backend: Backend,
    keeping: readonly Keeping[],
    selection: Selection = {},
  ) {
    const { nodes } = network;
    this.backend = backend;
    this.network = network;
    const remaining = [...keeping];
    const keepingOf = nodes.map((node) => (multiplies(node) ? (remaining.shift() ?? null) : null));
    const { tensors, values, grads } = planStep(nodes, (node) => savesInput(keepingOf[node], selection));
    const memory = backend.tensors(tensors, maxBatch);
    const activations = nodes.map(({ name, shape }, index): Activation => {
      const grad = grads[index];
      return {
        ...{ name, shape, size: sizeOf(shape) },
        values: memory[values[index]],
        grad: grad === null ? null : memory[grad],
      };
    });
    this.images = activations[0];
    this.pixels = new Float32Array(maxBatch * this.images.size);
    this.logits = activations[nodes.length - 1];
    this.classes = this.logits.size;
    // Backward runs from the last node to the first: the last consumer of a node is the first to give it a gradient.
    const lastConsumer = nodes.map((_, index) => nodes.findLastIndex(({ from }) => from.includes(index)));
    this.layers = nodes.flatMap((node, index) => {
      if (node.op === "input") return [];
      const sources = node.from.map((from, i): Source => {
        const isFirst = lastConsumer[from] === index && node.from.indexOf(from) === i;
        return { ...activations[from], accumulate: !isFirst };
      });
      const target = activations[index];
      const place = { index, sources, target, backend, keeping: keepingOf[index], selection };
      const before = sources.map(({ values }) => values);
      this.#steps.push({
        node,
        target,
        claims: before.includes(target.values) ? [] : [target.values],
        gradClaims: sources.flatMap(({ grad, accumulate }) =>
          grad === null || accumulate || grad === target.grad ? [] : [grad],
        ),
      });
      return [makeLayer(node, place)];
    });
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
  }

  /** The convolutions and linear layers, in execution order. */
  get swatLayers(): readonly SwatLayer[] {
    return this.layers.filter((layer) => layer instanceof SwatLayer);
  }

  /** Draws initial weights and biases from what the network says; batch norm starts at γ = 1, β = 0. */
  initialise(seed: number): void {
    for (const [index, layer] of this.swatLayers.entries()) layer.initialise(randomStream(seed, "initialise", index));
  }

  /** Runs the first `batch` images of `pixels`. */
  forward(batch: number, phase: Phase, observer: StepObserver = {}): void {
    this.backend.claim(this.images.values);
    this.backend.write(this.images.values, batch, this.pixels);
    observer.onOutput?.(this.network.nodes[0], this.images);
    for (const [i, layer] of this.layers.entries()) {
      const { node, target, claims } = this.#steps[i];
      for (const tensor of claims) this.backend.claim(tensor);
      layer.forward(batch, phase);
      observer.onOutput?.(node, target);
    }
  }

  /** Mean loss over the batch; the gradients of all parameters are those of this loss afterwards. */
  backward(batch: number, labels: ArrayLike<number>, smoothing: number, observer: StepObserver = {}): number {
    const { values, grad } = this.logits;
    this.backend.claim(grad as Tensor);
    const loss = this.backend.crossEntropy(batch, values, labels, smoothing, grad as Tensor);
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const { node, target, gradClaims } = this.#steps[i];
      observer.onGradient?.(node, target);
      for (const tensor of gradClaims) this.backend.claim(tensor);
      this.layers[i].backward(batch);
      observer.onBackward?.(node, target);
    }
    return loss;
  }

  update(settings: UpdateSettings, watch?: UpdateWatch): void {
    const undecayed = { ...settings, weightDecay: 0 };
    for (const layer of this.layers) {
      const decays = settings.batchNormDecay !== false || !(layer instanceof BatchNormLayer);
      for (const parameter of layer.parameters) {
        watch?.before(parameter);
        const hasPenalty = layer instanceof SwatLayer && layer.addPenalty(parameter, settings.weightDecay);
        this.#move(parameter, decays && !hasPenalty ? settings : undecayed);
        watch?.after(parameter);
      }
    }
  }

  /** Has AdamW update the parameters from now on. */
  addSquares(): void {
    for (const parameter of this.parameters) parameter.square = this.backend.floats(parameter.values.length);
  }

  #move({ values, grad, momentum, square }: Parameter, settings: UpdateSettings): void {
    if (square === undefined) {
      this.backend.sgdUpdate(settings, values, grad, momentum);
      return;
    }
    const { learningRate, momentum: beta1, beta2 = BETA_2, weightDecay, step = 0 } = settings;
    const adam = { learningRate, beta1, beta2, epsilon: EPSILON, weightDecay, step: step + 1 };
    this.backend.adamUpdate(adam, values, grad, momentum, square);
  }

  /**
   * The first node, in the order of the forward pass, whose output or weights hold a NaN or an infinity; null for none. Runs
   * that pass again, as the tensors of the last one are gone: a model that goes on training moves its running statistics twice.
   */
  firstNonFinite(batch: number, phase: Phase): string | null {
    const whole = (values: Float32Array) => values.every(Number.isFinite);
    let first: string | null = null;
    this.forward(batch, phase, {
      onOutput: ({ name }, { size, values }) => {
        if (first !== null) return;
        const layer = this.layers.find((candidate) => candidate.name === name);
        const output = new Float32Array(batch * size);
        this.backend.read(values, batch, output);
        if (layer?.parameters.some((parameter) => !whole(parameter.values)) || !whole(output)) first = name;
      },
    });
    return first;
  }
}

/** What a layer computes for, and the tensors whose use begins with its forward and with its backward pass. */
interface LayerStep {
  readonly node: NetworkNode;
  readonly target: Activation;
  readonly claims: readonly Tensor[];
  readonly gradClaims: readonly Tensor[];
}
