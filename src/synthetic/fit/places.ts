/** Where the layers and the ReLUs of a network lie, as far as their default patterns depend on it (features.ts). */
import { layersOf, type Network, type NetworkNode } from "../../networks/graph.ts";
import type { LayerPlace } from "./features.ts";

/** A training in progress. */
export interface Training {
  readonly network: Network;
  readonly method: string;
  readonly sparsity: number;
  /** Images that the network was trained on. */
  readonly trained: number;
}

/** The place of each layer, in order; that of its input, as far as it is about activations. */
export function layerPlaces(training: Training): LayerPlace[] {
  const { nodes } = training.network;
  const layers = layersOf(training.network);
  return layers.map(({ op, geometry, from }, index) => ({
    ...ofTraining(training),
    ...{ kind: op, geometry, depth: index / Math.max(1, layers.length - 1), shortcuts: shortcutsTo(nodes, from[0]) },
  }));
}

/** The place of a convolution that would read the ReLU with this index among the nodes. */
export function reluPlace(training: Training, index: number): LayerPlace {
  const { nodes } = training.network;
  const [{ geometry }] = layersOf(training.network);
  return {
    ...ofTraining(training),
    ...{ kind: "conv", geometry: { ...geometry, H: nodes[index].shape[1] } },
    ...{ depth: index / (nodes.length - 1), shortcuts: shortcutsTo(nodes, index) },
  };
}

function ofTraining({ network, method, sparsity, trained }: Training) {
  return { trained, uniform: method === "swat-u", sparsity, gray: network.nodes[0].shape[0] === 1 };
}

/** How often on the way to a node values that are not negative were added, since batch norm last centred all of them. */
function shortcutsTo(nodes: readonly NetworkNode[], index: number): number {
  const { op, from } = nodes[index];
  if (op === "add") {
    return Math.max(...from.map((source) => (isRectified(nodes, source) ? 1 + shortcutsTo(nodes, source) : 0)));
  }
  return KEEPS_SIGN.has(op) ? shortcutsTo(nodes, from[0]) : 0;
}

const KEEPS_SIGN: ReadonlySet<string> = new Set(["relu", "maxPool", "averagePool", "dropout"]);

function isRectified(nodes: readonly NetworkNode[], index: number): boolean {
  const { op, from } = nodes[index];
  return op === "relu" || (KEEPS_SIGN.has(op) && isRectified(nodes, from[0]));
}
