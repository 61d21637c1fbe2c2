/**
 * A network as data: a list of nodes in execution order, each naming the nodes that it reads, with shapes worked out
 * while it is built. Networks are short files that read like the table in a paper; everything that runs, records or
 * counts a network walks this list. Names are PyTorch's (`layer1.0.conv1`), as in the SWAT authors' code.
 */
import { type ConvGeometry, linearGeometry, outputHeight, outputWidth, sizeOf } from "../kernels/geometry.ts";
import type { PoolGeometry } from "../kernels/kernels.ts";

/** Shape of one image or activation, without the batch: [C, H, W]. */
export type ImageShape = readonly [number, number, number];

interface NodeBase {
  readonly name: string;
  /** Nodes that are read, by index into `Network.nodes`. */
  readonly from: readonly number[];
  /** Output shape [C, H, W]; a linear layer's is [K, 1, 1]. */
  readonly shape: ImageShape;
}

/** One node; geometries have N = 1, to be replaced by the batch size. */
export type NetworkNode =
  | (NodeBase & { readonly op: "input" })
  | (NodeBase & { readonly op: "relu" | "add" })
  | (NodeBase & { readonly op: "conv" | "linear"; readonly geometry: ConvGeometry; readonly bias: boolean })
  | (NodeBase & { readonly op: "batchNorm" })
  | (NodeBase & { readonly op: "maxPool" | "averagePool"; readonly geometry: PoolGeometry });

/** A node that multiplies: a convolution or a linear layer. */
export type LayerNode = Extract<NetworkNode, { op: "conv" | "linear" }>;

/** A network for images of one shape; the last node gives the logits. */
export interface Network {
  readonly name: string;
  readonly nodes: readonly NetworkNode[];
}

/** What a network file exports: its name and how it is built for a data set's images and classes. */
export interface NetworkDefinition {
  readonly name: string;
  /** @throws Error when the images are too small for the network. */
  build(image: ImageShape, classes: number): Network;
}

/** Options of a convolution; kernel, stride and padding are the same on both axes. */
export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
}

/** Builds a network node by node; every method returns the index of the node it added. */
export class GraphBuilder {
  readonly nodes: NetworkNode[] = [];
  readonly input: number;
  readonly #network: string;

  constructor(network: string, image: ImageShape) {
    this.#network = network;
    this.input = this.#add({ op: "input", name: "images", from: [], shape: image });
  }

  conv(name: string, from: number, filters: number, options: ConvOptions): number {
    const [C, H, W] = this.nodes[from].shape;
    const { kernel, stride = 1, padding = 0, bias = true } = options;
    const geometry: ConvGeometry = {
      N: 1,
      C,
      H,
      W,
      K: filters,
      R: kernel,
      S: kernel,
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
      dilation: [1, 1],
      groups: 1,
    };
    const shape: ImageShape = [filters, outputHeight(geometry), outputWidth(geometry)];
    return this.#add({ op: "conv", name, from: [from], shape, geometry, bias });
  }

  /** Fully connected over the flattened input. */
  linear(name: string, from: number, outputs: number): number {
    const geometry = linearGeometry(1, sizeOf(this.nodes[from].shape), outputs);
    return this.#add({ op: "linear", name, from: [from], shape: [outputs, 1, 1], geometry, bias: true });
  }

  batchNorm(name: string, from: number): number {
    return this.#add({ op: "batchNorm", name, from: [from], shape: this.nodes[from].shape });
  }

  relu(name: string, from: number): number {
    return this.#add({ op: "relu", name, from: [from], shape: this.nodes[from].shape });
  }

  add(name: string, a: number, b: number): number {
    return this.#add({ op: "add", name, from: [a, b], shape: this.nodes[a].shape });
  }

  maxPool(name: string, from: number, window: number): number {
    return this.#pool("maxPool", name, from, [window, window]);
  }

  /** Average over the whole plane. */
  globalAveragePool(name: string, from: number): number {
    const [, H, W] = this.nodes[from].shape;
    return this.#pool("averagePool", name, from, [H, W]);
  }

  build(): Network {
    return { name: this.#network, nodes: this.nodes };
  }

  #pool(op: "maxPool" | "averagePool", name: string, from: number, window: readonly [number, number]): number {
    const [C, H, W] = this.nodes[from].shape;
    const geometry: PoolGeometry = { N: 1, C, H, W, window, stride: window, padding: [0, 0, 0, 0] };
    const shape: ImageShape = [C, Math.floor(H / window[0]), Math.floor(W / window[1])];
    return this.#add({ op, name, from: [from], shape, geometry });
  }

  #add(node: NetworkNode): number {
    if (Math.min(...node.shape) < 1) {
      const [, H, W] = this.nodes[this.input].shape;
      throw new Error(
        `network ${this.#network}: images are too small for ${node.name}, got ${H}×${W} (height × width)`,
      );
    }
    return this.nodes.push(node) - 1;
  }
}

/** Convolutions and linear layers of a network, in execution order. */
export function layersOf(network: Network): readonly LayerNode[] {
  return network.nodes.filter((node): node is LayerNode => node.op === "conv" || node.op === "linear");
}
