/**
 * Memory of a training step of a network that nobody has trained: the tensors and ops of the step are worked out from
 * the graph, as the recorder of a training run would tell them, with the nonzeros that a method leaves; the accounting is
 * that of recorded traces (src/step/footprint.ts).
 *
 * A weight keeps k = ⌈(1 − s)·size⌉ elements, a saved input min(k, its natural nonzeros). Natural zeros are those of ReLU
 * outputs, by a density that has to be given, and of dropout. What pooling, adding and concatenating leave of them is
 * not known, and taken as dense.
 */
import { sizeOf } from "../core/geometry.ts";
import { type LayerNode, layersOf, type Network, type NetworkNode, parameterShape } from "../networks/graph.ts";
import { keepCount } from "../sparsity/keep-count.ts";
import type { MacOp, OtherOp, TraceOp, TraceTensor } from "../trace/manifest.ts";
import type { LayerSparsity } from "./flops.ts";
import { type Footprint, footprintOf } from "./footprint.ts";
import type { TensorStorage, TrainingStep } from "./live-ranges.ts";

/** Nonzeros of the tensors of a step, each of `size` elements. */
export interface StepNonzeros {
  /** Of the output of a node. */
  natural(node: NetworkNode, size: number): number;
  /** Of the weight that layer `index`, in order, multiplies with. */
  weight(index: number, size: number): number;
  /** That layer `index` saves of its input; as many as the input has, or more: all of them. */
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
  const { nodes } = network;
  const layers = layersOf(network);
  const tensors = new Map<string, TraceTensor>();
  const ops: TraceOp[] = [];
  const add = (id: string, role: TraceTensor["role"], shape: readonly number[], kept?: number, within?: string) => {
    const tensor = { id, role, shape: [...shape], nonzeros: kept ?? sizeOf(shape) };
    if (!tensors.has(id)) tensors.set(id, within === undefined ? tensor : { ...tensor, within });
    return id;
  };
  const shapeOf = (node: NetworkNode) => [batch, ...node.shape];
  const output = (node: NetworkNode) => {
    const shape = shapeOf(node);
    return add(`${node.name}:output`, "activation", shape, nonzeros.natural(node, sizeOf(shape)));
  };
  const gradient = (node: NetworkNode) => {
    const shape = shapeOf(node);
    return add(`${node.name}:outputGrad`, "gradient", shape, nonzeros.gradient?.(node, sizeOf(shape)));
  };
  const weight = (node: LayerNode) => {
    const shape = parameterShape(node);
    return add(`${node.name}:weight`, "weight", shape, nonzeros.weight(layers.indexOf(node), sizeOf(shape)));
  };
  const parameterGrad = (name: string, shape: readonly number[]) => add(`${name}:grad`, "parameterGrad", shape);
  /** Selections of as many elements of one tensor are the same elements. */
  const saved = (node: LayerNode, source: NetworkNode): string => {
    const within = output(source);
    const shape = shapeOf(source);
    const natural = (tensors.get(within) as TraceTensor).nonzeros;
    const kept = Math.min(natural, nonzeros.saved(layers.indexOf(node), sizeOf(shape)));
    if (kept === natural) return within;
    const equal = [...tensors.values()].find((tensor) => tensor.within === within && tensor.nonzeros === kept);
    return equal?.id ?? add(`${node.name}:savedInput`, "savedActivation", shape, kept, within);
  };
  const multiply = (node: LayerNode, pass: MacOp["pass"], operands: MacOp["operands"], target: string) => {
    const { stride, padding, dilation, ...sizes } = node.geometry;
    const geometry: MacOp["geometry"] = {
      ...{ ...sizes, N: batch },
      ...{ stride: [...stride], padding: [...padding], dilation: [...dilation] },
    };
    ops.push({ kind: node.op, pass, layer: node.name, geometry, operands, output: target });
  };
  const move = (kind: OtherOp["kind"], pass: OtherOp["pass"], layer: string, reads: string[], writes: string[]) =>
    ops.push({ kind, pass, layer, reads, writes });

  for (const node of nodes) {
    const sources = node.from.map((from) => nodes[from]);
    if (node.op === "input") continue;
    if (node.op === "conv" || node.op === "linear") {
      multiply(node, "forward", { input: output(sources[0]), weight: weight(node) }, output(node));
    } else move(node.op, "forward", node.name, sources.map(output), [output(node)]);
  }
  const logits = nodes[nodes.length - 1];
  move("loss", "backward", "loss", [output(logits)], [gradient(logits)]);

  for (const node of [...nodes].reverse()) {
    if (node.op === "input") continue;
    const sources = node.from.map((from) => nodes[from]);
    const trained = sources.filter(({ op }) => op !== "input");
    if (node.op === "conv" || node.op === "linear") {
      const outputGrad = gradient(node);
      if (trained.length > 0) multiply(node, "inputGrad", { outputGrad, weight: weight(node) }, gradient(trained[0]));
      const target = parameterGrad(`${node.name}.weight`, parameterShape(node));
      multiply(node, "weightGrad", { outputGrad, input: saved(node, sources[0]) }, target);
    } else if (trained.length > 0 || node.op === "batchNorm") {
      move(
        node.op,
        "backward",
        node.name,
        [...readAgain(node, sources[0]).map(output), gradient(node)],
        trained.map(gradient),
      );
    }
  }

  for (const node of nodes) {
    const parameters = parametersOf(node);
    if (parameters.length === 0) continue;
    const masters = parameters.map(([name, shape]) => add(`${name}:master`, "parameter", shape));
    const momenta = parameters.map(([name, shape]) => add(`${name}:momentum`, "optimizerState", shape));
    const grads = parameters.map(([name, shape]) => parameterGrad(name, shape));
    move("optimizer", "update", node.name, [...masters, ...grads, ...momenta], [...masters, ...momenta]);
  }
  return { method: { name: method }, step: 0, tensors: [...tensors.values()], ops };
}

/** The activation that the backward pass of a node reads: a ReLU its output, batch norm and max pooling their input. */
function readAgain(node: NetworkNode, source: NetworkNode): NetworkNode[] {
  if (node.op === "relu") return [node];
  return node.op === "batchNorm" || node.op === "maxPool" ? [source] : [];
}

function parametersOf(node: NetworkNode): (readonly [name: string, shape: readonly number[]])[] {
  const { name } = node;
  if (node.op === "batchNorm") {
    const channels = [node.shape[0]];
    return [
      [`${name}.weight`, channels],
      [`${name}.bias`, channels],
    ];
  }
  if (node.op !== "conv" && node.op !== "linear") return [];
  const weight = [`${name}.weight`, parameterShape(node)] as const;
  return node.bias ? [weight, [`${name}.bias`, [node.geometry.K]]] : [weight];
}
