/**
 * A network ready to train: its layers with every buffer they need, allocated once for the largest batch, and the three
 * verbs of a step: forward, backward, update.
 */

import { inputHalo, outputGradHalo, sizeOf } from "../core/geometry.ts";
import { randomStream } from "../core/random.ts";
import type { Backend, Halo, Tensor } from "../kernels/backend.ts";
import type { SgdSettings } from "../kernels/kernels.ts";
import type { Network, NetworkNode } from "../networks/graph.ts";
import { multiplies } from "../step/layer-kinds.ts";
import { BatchNormLayer } from "./layers/batch-norm.ts";
import { makeLayer } from "./layers/index.ts";
import type { Layer, Phase } from "./layers/layer.ts";
import { type Keeping, kernelGeometry, type Selection, SwatLayer } from "./layers/swat-layer.ts";
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
  readonly #activations: readonly Activation[];

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
    const activations = nodes.map((node, index) => activation(backend, nodes, node, index, maxBatch));
    this.#activations = activations;
    this.images = activations[0];
    this.pixels = new Float32Array(maxBatch * this.images.size);
    this.logits = activations[nodes.length - 1];
    this.classes = this.logits.size;
    const remaining = [...keeping];
    // Backward runs from the last node to the first: the last consumer of a node is the first to give it a gradient.
    const lastConsumer = nodes.map((_, index) => nodes.findLastIndex(({ from }) => from.includes(index)));
    this.layers = nodes.flatMap((node, index) => {
      if (node.op === "input") return [];
      const sources = node.from.map((from, i): Source => {
        const isFirst = lastConsumer[from] === index && node.from.indexOf(from) === i;
        return { ...activations[from], accumulate: !isFirst };
      });
      const place = { index, sources, target: activations[index], backend, selection };
      return [makeLayer(node, { ...place, keeping: multiplies(node) ? (remaining.shift() ?? null) : null })];
    });
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
  }

  /** The output of a node. */
  activationOf({ name }: NetworkNode): Activation {
    return this.#activations.find((candidate) => candidate.name === name) as Activation;
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
  forward(batch: number, phase: Phase): void {
    this.backend.write(this.images.values, batch, this.pixels);
    for (const layer of this.layers) layer.forward(batch, phase);
  }

  /** Mean loss over the batch; the gradients of all parameters are those of this loss afterwards. */
  backward(batch: number, labels: ArrayLike<number>, smoothing: number): number {
    const { values, grad } = this.logits;
    const loss = this.backend.crossEntropy(batch, values, labels, smoothing, grad as Tensor);
    for (let i = this.layers.length - 1; i >= 0; i--) this.layers[i].backward(batch);
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

  /** The first node, in the order of the forward pass, whose output or weights hold a NaN or an infinity; null for none. */
  firstNonFinite(batch: number): string | null {
    const whole = (values: Float32Array) => values.every(Number.isFinite);
    for (const { name, size, values } of this.#activations) {
      const layer = this.layers.find((candidate) => candidate.name === name);
      if (layer?.parameters.some((parameter) => !whole(parameter.values))) return name;
      const output = new Float32Array(batch * size);
      this.backend.read(values, batch, output);
      if (!whole(output)) return name;
    }
    return null;
  }
}

/** The output of a node and its gradient, with the halos that the convolutions around it read. */
function activation(
  backend: Backend,
  nodes: readonly NetworkNode[],
  node: NetworkNode,
  index: number,
  maxBatch: number,
): Activation {
  const { name, shape } = node;
  let halo: Halo = [0, 0];
  for (const reader of nodes) {
    if (reader.op !== "conv" || !reader.from.includes(index)) continue;
    const [rows, columns] = inputHalo(reader.geometry);
    halo = [Math.max(halo[0], rows), Math.max(halo[1], columns)];
  }
  const values = backend.tensor(shape, maxBatch, halo);
  const isLayer = node.op === "conv" || node.op === "linear";
  const gradHalo: Halo = isLayer ? outputGradHalo(kernelGeometry(node, nodes[node.from[0]].shape)) : [0, 0];
  const grad = node.op === "input" ? null : backend.tensor(shape, maxBatch, gradHalo);
  return { name, shape, size: sizeOf(shape), values, grad };
}
