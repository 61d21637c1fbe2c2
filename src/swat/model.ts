/**
 * A network ready to train: its layers with every buffer they need, allocated once for the largest batch, and the three
 * verbs of a step: forward, backward, update.
 */
import { sizeOf } from "../kernels/geometry.ts";
import type { Kernels, SgdSettings } from "../kernels/kernels.ts";
import { randomStream } from "../kernels/random.ts";
import type { ImageShape, Network, NetworkNode } from "../networks/graph.ts";
import { AddLayer } from "./layers/add.ts";
import { BatchNormLayer } from "./layers/batch-norm.ts";
import type { Layer, Phase } from "./layers/layer.ts";
import { PoolLayer } from "./layers/pool.ts";
import { ReluLayer } from "./layers/relu.ts";
import { SwatLayer } from "./layers/swat-layer.ts";
import type { StepRecorder } from "./record.ts";
import type { Activation, Parameter } from "./tensors.ts";

/** A network with its layers, activations and parameters. */
export class Model {
  readonly images: Activation;
  readonly logits: Activation;
  readonly layers: readonly Layer[];
  readonly parameters: readonly Parameter[];
  readonly classes: number;
  readonly #activations: readonly Activation[];
  readonly #kernels: Kernels;

  /** @param sparsities for each convolution and linear layer in order, null = dense. */
  constructor(network: Network, maxBatch: number, kernels: Kernels, sparsities: readonly (number | null)[]) {
    this.#kernels = kernels;
    this.#activations = network.nodes.map((node) => activation(node.name, node.shape, maxBatch, node.op !== "input"));
    this.images = this.#activations[0];
    this.logits = this.#activations[network.nodes.length - 1];
    this.classes = this.logits.size;
    const remaining = [...sparsities];
    this.layers = network.nodes.flatMap((node, index) =>
      node.op === "input" ? [] : [this.#layer(node, this.#activations[index], remaining)],
    );
    this.parameters = this.layers.flatMap((layer) => layer.parameters);
  }

  /** Draws initial weights and biases: uniform in ±1/√(fan-in), as the authors' code; batch norm starts at γ = 1, β = 0. */
  initialise(seed: number): void {
    let index = 0;
    for (const layer of this.layers) {
      if (!(layer instanceof SwatLayer)) continue;
      const bound = 1 / Math.sqrt(layer.weight.values.length / layer.weight.shape[0]);
      const stream = randomStream(seed, "initialise", index++);
      stream.fillUniform(layer.weight.values, -bound, bound);
      if (layer.bias !== null) stream.fillUniform(layer.bias.values, -bound, bound);
    }
  }

  forward(batch: number, phase: Phase): void {
    for (const layer of this.layers) layer.forward(batch, phase);
  }

  /** Mean loss over the batch; the gradients of all parameters are those of this loss afterwards. */
  backward(batch: number, labels: Uint8Array, smoothing: number): number {
    for (const { grad, size } of this.#activations) grad?.fill(0, 0, batch * size);
    for (const { grad } of this.parameters) grad.fill(0);
    const { values, grad } = this.logits;
    const loss = this.#kernels.crossEntropy(batch, this.classes, values, labels, smoothing, grad as Float32Array);
    for (let i = this.layers.length - 1; i >= 0; i--) this.layers[i].backward(batch);
    return loss;
  }

  update(settings: SgdSettings): void {
    for (const parameter of this.parameters) {
      this.#kernels.sgdUpdate(settings, parameter.values, parameter.grad, parameter.momentum);
    }
  }

  /** Tells a recorder what the last step did, in the order in which it did it. */
  record(recorder: StepRecorder): void {
    for (const layer of this.layers) layer.recordForward(recorder);
    recorder.move("loss", "backward", "loss", [recorder.activation(this.logits)], [recorder.gradient(this.logits)]);
    for (const layer of [...this.layers].reverse()) layer.recordBackward(recorder);
    for (const layer of this.layers) if (layer.parameters.length > 0) recorder.update(layer);
  }

  #layer(node: Exclude<NetworkNode, { op: "input" }>, target: Activation, sparsities: (number | null)[]): Layer {
    const sources = node.from.map((index) => this.#activations[index]);
    const [source] = sources;
    const kernels = this.#kernels;
    switch (node.op) {
      case "conv":
      case "linear":
        return new SwatLayer(node, source, target, kernels, sparsities.shift() ?? null);
      case "batchNorm":
        return new BatchNormLayer(node.name, source, target, kernels);
      case "relu":
        return new ReluLayer(node.name, source, target, kernels);
      case "add":
        return new AddLayer(node.name, [source, sources[1]], target, kernels);
      default:
        return new PoolLayer(node.name, node.op, node.geometry, source, target, kernels);
    }
  }
}

function activation(name: string, shape: ImageShape, maxBatch: number, needsGrad: boolean): Activation {
  const size = sizeOf(shape);
  const grad = needsGrad ? new Float32Array(maxBatch * size) : null;
  return { name, shape, size, values: new Float32Array(maxBatch * size), grad };
}
