/**
 * A network as data: a list of nodes in execution order, each naming the nodes that it reads, with the shapes worked out.
 * Everything that runs, records or counts a network walks this list. Names are PyTorch's (`layer1.0.conv1`), as in the
 * SWAT authors' code.
 */
import { type ConvGeometry, weightShape } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";
import type { InitialDraws } from "./initial-draws.ts";

/** Shape of one image or activation, without the batch: [C, H, W]. */
export type ImageShape = readonly [number, number, number];

interface NodeBase {
  readonly name: string;
  /** Nodes that are read, by index into `Network.nodes`. */
  readonly from: readonly number[];
  /** Output shape [C, H, W]; a linear layer's is [K, 1, 1]. */
  readonly shape: ImageShape;
}

interface Multiplying {
  readonly geometry: ConvGeometry;
  readonly bias: boolean;
  readonly initial: InitialDraws;
}

interface Pooling {
  readonly geometry: PoolGeometry;
}

type NoFields = Readonly<Record<never, never>>;

/**
 * What a node says besides its name, sources and shape, by its op. Geometries have N = 1, to be replaced by the batch size.
 * A kind of layer that is added elsewhere declares its fields here by declaration merging.
 */
export interface NodeFields {
  input: NoFields;
  conv: Multiplying;
  linear: Multiplying;
  batchNorm: NoFields;
  /** `cap`: its largest output, as the 6 of ReLU6; none where not given. */
  relu: { readonly cap?: number };
  maxPool: Pooling;
  averagePool: Pooling;
  add: NoFields;
  /** Along the channels, in the order of `from`. */
  concat: NoFields;
  /** `rate`: share of the elements that training sets to zero, 0 ≤ rate < 1. */
  dropout: { readonly rate: number };
}

/** One node. */
export type NetworkNode = {
  [Op in keyof NodeFields]: NodeBase & { readonly op: Op } & NodeFields[Op];
}[keyof NodeFields];

/** A node that multiplies: a convolution or a linear layer. */
export type LayerNode = Extract<NetworkNode, { op: "conv" | "linear" }>;

/** A network for images of one shape; the last node gives the logits. */
export interface Network {
  readonly name: string;
  readonly nodes: readonly NetworkNode[];
}

/** The images and classes of a data set. */
export interface Task {
  readonly image: ImageShape;
  readonly classes: number;
}

/** What a network file exports: its name, the task that it was published for, and how it is built for any task. */
export interface NetworkDefinition extends Task {
  readonly name: string;
  /** @throws Error when the images are too small for the network, or a size is invalid. */
  build(image: ImageShape, classes: number): Network;
}

/** Convolutions and linear layers of a network, in execution order. */
export function layersOf(network: Network): readonly LayerNode[] {
  return network.nodes.filter((node): node is LayerNode => node.op === "conv" || node.op === "linear");
}

/** Shape of a layer's weight as PyTorch stores it: [K, C/groups, R, S], or [K, C] of a linear layer. */
export function parameterShape({ op, geometry }: LayerNode): readonly number[] {
  return op === "linear" ? [geometry.K, geometry.C] : weightShape(geometry);
}
