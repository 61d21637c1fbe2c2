/**
 * Memory of a training step of a network that nobody has trained: the tensors and ops of the step are worked out from
 * the graph, as the recorder of a training run would tell them, with the nonzeros that a method leaves; the accounting is
 * that of recorded traces (src/step/footprint.ts).
 *
 * A weight keeps k = ⌈(1 − s)·size⌉ elements, a saved input min(k, its nonzeros). Activation zeros are those of ReLU
 * outputs, by a density that has to be given, and of dropout. What pooling, adding and concatenating leave of them is
 * not known, and taken as dense.
 */
import { sizeOf } from "../core/geometry.ts";
import type { Operand, Pass } from "../core/passes.ts";
import { type LayerNode, layersOf, type Network, type NetworkNode, parameterShape } from "../networks/graph.ts";
import { keepCount } from "../sparsity/keep-count.ts";
import type { TensorRole, TraceTensor } from "../trace/manifest.ts";
import { expandStep, type StepTensors } from "./expand.ts";
import type { LayerSparsity } from "./flops.ts";
import { type Footprint, footprintOf } from "./footprint.ts";
import { keepsZeros } from "./layer-kinds.ts";
import type { TensorStorage, TrainingStep } from "./live-ranges.ts";

/** Nonzeros of the tensors of a step, each of `size` elements. */
export interface StepNonzeros {
  /** Of the output of a node. */
  natural(node: NetworkNode, size: number): number;
  /** Of the weight that layer `index`, in order, multiplies with. */
  weight(index: number, size: number): number;
  /** Of the input that layer `index` saves; a count at or above that of the input saves all of it. */
  saved(index: number, size: number): number;
  /** Of the gradient with respect to the output of a node; all of them where not given. */
  gradient?(node: NetworkNode, size: number): number;
}

/** What training is like. */
export interface FootprintSettings {
  readonly batch: number;
  readonly method: string;
  /** Of each layer, in order. */
  readonly sparsities: readonly LayerSparsity[];
  /** Share of the elements of ReLU outputs that are not zero, 0 < d ≤ 1. */
  readonly naturalDensity: number;
}

/** Footprint of a step of training `network`. Throws where the sparsities are not one for each layer. */
export function networkFootprint(network: Network, settings: FootprintSettings, storage: TensorStorage): Footprint {
  const { batch, method, sparsities, naturalDensity } = settings;
  const layers = layersOf(network).length;
  if (sparsities.length !== layers) {
    throw new Error(`${network.name}: needs a sparsity for each of ${layers} layers, got ${sparsities.length}`);
  }
  const density = (node: NetworkNode): number => {
    if (node.op === "dropout") return (1 - node.rate) * density(network.nodes[node.from[0]]);
    if (keepsZeros(node)) return density(network.nodes[node.from[0]]);
    return node.op === "relu" ? naturalDensity : 1;
  };
  const step = networkStep(network, batch, method, {
    natural: (node, size) => Math.round(density(node) * size),
    weight: (index, size) => keepCount(sparsities[index].weight, size),
    saved: (index, size) => keepCount(sparsities[index].input, size),
  });
  return footprintOf(step, storage);
}

/** The tensors and ops of one step of a network, with the ids and in the order of a recorded trace. */
export function networkStep(network: Network, batch: number, method: string, nonzeros: StepNonzeros): TrainingStep {
  const counted = new CountedTensors(network, batch, nonzeros);
  const ops = expandStep(network, batch, counted);
  return { method: { name: method }, step: 0, tensors: [...counted.tensors.values()], ops };
}

/** Tensors of which only the number of nonzeros is known. */
class CountedTensors implements StepTensors {
  readonly tensors = new Map<string, TraceTensor>();
  readonly #batch: number;
  readonly #nonzeros: StepNonzeros;
  readonly #layers: readonly LayerNode[];

  constructor(network: Network, batch: number, nonzeros: StepNonzeros) {
    this.#batch = batch;
    this.#nonzeros = nonzeros;
    this.#layers = layersOf(network);
  }

  output(node: NetworkNode): string {
    const shape = this.#shapeOf(node);
    return this.#add(`${node.name}:output`, "activation", shape, this.#nonzeros.natural(node, sizeOf(shape)));
  }

  gradient(node: NetworkNode): string {
    const shape = this.#shapeOf(node);
    return this.#add(`${node.name}:outputGrad`, "gradient", shape, this.#nonzeros.gradient?.(node, sizeOf(shape)));
  }

  operand(node: LayerNode, pass: Pass, operand: Operand, source: NetworkNode): string {
    if (operand === "outputGrad") return this.gradient(node);
    if (operand === "input") return pass === "forward" ? this.output(source) : this.#saved(node, source);
    const shape = parameterShape(node);
    const nonzeros = this.#nonzeros.weight(this.#layers.indexOf(node), sizeOf(shape));
    return this.#add(`${node.name}:weight`, "weight", shape, nonzeros);
  }

  dense(id: string, role: TensorRole, shape: readonly number[]): string {
    return this.#add(id, role, shape);
  }

  /** Selections of as many elements of one tensor are the same elements. */
  #saved(node: LayerNode, source: NetworkNode): string {
    const within = this.output(source);
    const shape = this.#shapeOf(source);
    const { nonzeros: all } = this.tensors.get(within) as TraceTensor;
    const kept = Math.min(all, this.#nonzeros.saved(this.#layers.indexOf(node), sizeOf(shape)));
    if (kept === all) return within;
    const equal = [...this.tensors.values()].find((tensor) => tensor.within === within && tensor.nonzeros === kept);
    return equal?.id ?? this.#add(`${node.name}:savedInput`, "savedActivation", shape, kept, within);
  }

  #shapeOf(node: NetworkNode): number[] {
    return [this.#batch, ...node.shape];
  }

  #add(id: string, role: TensorRole, shape: readonly number[], nonzeros = sizeOf(shape), within?: string): string {
    const tensor = { id, role, shape: [...shape], nonzeros };
    if (!this.tensors.has(id)) this.tensors.set(id, within === undefined ? tensor : { ...tensor, within });
    return id;
  }
}
