/**
 * What each kind of layer reads again in its backward pass and what it trains: the one table behind recorded and
 * synthetic steps, footprints and parameter counts. A convolution or linear layer multiplies; every other kind moves bytes.
 */
import { sizeOf } from "../core/geometry.ts";
import { type LayerNode, type Network, type NetworkNode, parameterShape } from "../networks/graph.ts";

/** Any node that computes something. */
export type ComputingNode = Exclude<NetworkNode, { op: "input" }>;

/** A tensor that the optimizer updates. */
export interface ParameterTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One kind of layer. */
export interface LayerKind {
  /** What its backward pass reads besides the gradient of its output; `mac` kinds read both of their operands. */
  readonly reads: "input" | "output" | "nothing" | "mac";
  readonly parameters: (node: ComputingNode) => readonly ParameterTensor[];
}

const none = () => [];

/** Of a convolution or linear layer: [K, C/groups, R, S] or [K, C], and [K]. */
function weightAndBias(node: ComputingNode): readonly ParameterTensor[] {
  const layer = node as LayerNode;
  const weight = { name: `${node.name}.weight`, shape: parameterShape(layer) };
  return layer.bias ? [weight, { name: `${node.name}.bias`, shape: [layer.geometry.K] }] : [weight];
}

/** γ and β, [C]. */
function scaleAndShift({ name, shape: [channels] }: ComputingNode): readonly ParameterTensor[] {
  return ["weight", "bias"].map((part) => ({ name: `${name}.${part}`, shape: [channels] }));
}

/** All kinds by `NetworkNode.op`. */
export const LAYER_KINDS: Readonly<Record<ComputingNode["op"], LayerKind>> = {
  conv: { reads: "mac", parameters: weightAndBias },
  linear: { reads: "mac", parameters: weightAndBias },
  batchNorm: { reads: "input", parameters: scaleAndShift },
  relu: { reads: "output", parameters: none },
  maxPool: { reads: "input", parameters: none },
  averagePool: { reads: "nothing", parameters: none },
  add: { reads: "nothing", parameters: none },
  concat: { reads: "nothing", parameters: none },
  dropout: { reads: "nothing", parameters: none },
};

/** Whether a node computes; only the images do not. */
export function computes(node: NetworkNode): node is ComputingNode {
  return node.op !== "input";
}

/** Whether a node multiplies. */
export function multiplies(node: NetworkNode): node is LayerNode {
  return computes(node) && LAYER_KINDS[node.op].reads === "mac";
}

/** Trained elements of a network: weights, biases, and γ and β of batch norm. */
export function parameterCount(network: Network): number {
  return network.nodes
    .filter(computes)
    .flatMap((node) => LAYER_KINDS[node.op].parameters(node))
    .reduce((count, { shape }) => count + sizeOf(shape), 0);
}
