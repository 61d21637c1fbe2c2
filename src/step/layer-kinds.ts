/**
 * What each kind of layer reads again in its backward pass and what it trains: the one table behind recorded and
 * synthetic steps, footprints and parameter counts. A convolution or linear layer multiplies; every other kind moves bytes.
 */
import { sizeOf } from "../core/geometry.ts";
import { type LayerNode, type Network, type NetworkNode, parameterShape } from "../networks/graph.ts";
import { isFormatKind, NEWEST_VERSION, type TraceManifest } from "../trace/manifest.ts";

/** Any node that computes something. */
export type ComputingNode = Exclude<NetworkNode, { op: "input" }>;

/** A tensor that the optimizer updates. */
interface ParameterTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One kind of layer. */
export interface LayerKind {
  /** What its backward pass reads besides the gradient of its output; `mac` kinds read both of their operands. */
  readonly reads: "input" | "output" | "nothing" | "mac";
  readonly parameters: (node: ComputingNode) => readonly ParameterTensor[];
  /** Whether its output is zero exactly where its first source is; otherwise, and if not drawn, it is taken as dense. */
  readonly keepsZeros?: boolean;
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
const LAYER_KINDS: Record<string, LayerKind> = {
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

/**
 * Adds a kind from outside; `addLayer` (src/swat/layers/index.ts) brings what trains it. It moves bytes: its ops cost one sweep
 * of the vector unit, and traces declare it. @throws Error where the table has the name.
 */
export function addLayerKind(
  op: string,
  kind: LayerKind & { readonly reads: Exclude<LayerKind["reads"], "mac"> },
): void {
  if (op === "input" || isFormatKind(op) || op in LAYER_KINDS) throw new Error(`layer kind "${op}" exists already`);
  LAYER_KINDS[op] = kind;
}

/** The row of a node. @throws Error where its kind is not in the table. */
export function layerKind({ op }: ComputingNode): LayerKind {
  if (!(op in LAYER_KINDS))
    throw new Error(`unknown layer kind, got "${op}"; known: ${Object.keys(LAYER_KINDS).join(", ")}`);
  return LAYER_KINDS[op];
}

/** What a manifest says of the kinds of a network, and `further` ones, that its format does not list; nothing where there are none. */
export function declaredKinds(
  { nodes }: Network,
  further: readonly string[] = [],
): Partial<Pick<TraceManifest, "version" | "kinds">> {
  const ops = nodes.filter(computes).map(({ op }): string => op);
  const kinds = [...new Set([...ops, ...further])].filter((op) => !isFormatKind(op));
  return kinds.length === 0 ? {} : { version: NEWEST_VERSION, kinds };
}

/** Whether a node computes; only the images do not. */
export function computes(node: NetworkNode): node is ComputingNode {
  return node.op !== "input";
}

/** Whether a node multiplies. */
export function multiplies(node: NetworkNode): node is LayerNode {
  return computes(node) && layerKind(node).reads === "mac";
}

/** Whether the output of a node is zero exactly where its first source is. */
export function keepsZeros(node: NetworkNode): boolean {
  return computes(node) && layerKind(node).keepsZeros === true;
}

/** Trained elements of a network: weights, biases, and γ and β of batch norm. */
export function parameterCount(network: Network): number {
  return network.nodes
    .filter(computes)
    .flatMap((node) => layerKind(node).parameters(node))
    .reduce((count, { shape }) => count + sizeOf(shape), 0);
}
