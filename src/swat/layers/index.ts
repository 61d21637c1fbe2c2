/** The layers of the trainer by the op of their nodes; what each op is, src/step/layer-kinds.ts says. */
import type { Backend } from "../../kernels/backend.ts";
import type { LayerNode, NetworkNode, NodeFields } from "../../networks/graph.ts";
import type { Activation, Source } from "../tensors.ts";
import { AddLayer } from "./add.ts";
import { BatchNormLayer } from "./batch-norm.ts";
import { ConcatLayer } from "./concat.ts";
import { DropoutLayer } from "./dropout.ts";
import type { Layer } from "./layer.ts";
import { PoolLayer } from "./pool.ts";
import { ReluLayer } from "./relu.ts";
import { type Keeping, type Selection, SwatLayer } from "./swat-layer.ts";

/** Where a layer stands in its model. */
export interface LayerPlace {
  /** Of its node in the network. */
  readonly index: number;
  readonly sources: readonly Source[];
  readonly target: Activation;
  readonly backend: Backend;
  /** What a convolution or linear layer computes with; null of every other one. */
  readonly keeping: Keeping;
  readonly selection: Selection;
}

type Op = keyof NodeFields;
type NodeOf<O extends Op> = Extract<NetworkNode, { op: O }>;
type Maker<O extends Op> = (node: NodeOf<O>, place: LayerPlace) => Layer;

const swat = (node: LayerNode, { sources: [source], target, backend, keeping, selection }: LayerPlace) =>
  new SwatLayer(node, [source, target], backend, keeping, selection);
const pool = (node: NodeOf<"maxPool"> | NodeOf<"averagePool">, { sources: [source], target, backend }: LayerPlace) =>
  new PoolLayer(node, source, target, backend);

const LAYERS: { [O in Op]?: Maker<O> } = {
  conv: swat,
  linear: swat,
  batchNorm: ({ name }, { sources: [source], target, backend }) => new BatchNormLayer(name, source, target, backend),
  relu: ({ name, cap }, { sources: [source], target, backend }) => new ReluLayer(name, source, target, backend, cap),
  maxPool: pool,
  averagePool: pool,
  add: ({ name }, { sources: [a, b], target, backend }) => new AddLayer(name, [a, b], target, backend),
  concat: ({ name }, { sources, target, backend }) => new ConcatLayer(name, sources, target, backend),
  dropout: (node, { index, sources: [source], target, backend }) =>
    new DropoutLayer(node, index, source, target, backend),
};

/** Adds what trains a kind of layer from outside; `addLayerKind` brings its row. @throws Error where the op has a layer. */
export function addLayer<O extends Op>(op: O, make: Maker<O>): void {
  if (op in LAYERS) throw new Error(`op "${op}" has a layer already`);
  Object.assign(LAYERS, { [op]: make });
}

/** The layer of a node. @throws Error where its op has none. */
export function makeLayer(node: NetworkNode, place: LayerPlace): Layer {
  const make = LAYERS[node.op] as Maker<Op> | undefined;
  if (make === undefined)
    throw new Error(`${node.name}: op has no layer, got "${node.op}"; known: ${Object.keys(LAYERS).join(", ")}`);
  return make(node, place);
}
