/** Builds a network node by node, so that a network's file reads like the table in its paper. */

import { type ConvGeometry, linearGeometry, outputHeight, outputWidth, sizeOf } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../core/pool-geometry.ts";
import { InputError } from "../io/faults.ts";
import type { ImageShape, Network, NetworkDefinition, NetworkNode, Task } from "./graph.ts";
import type { InitialDraws } from "./initial-draws.ts";

/** Options of a convolution; kernel, stride and padding are the same on both axes. */
export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Channels and filters are cut into so many groups that do not mix; 1 where not given. */
  readonly groups?: number;
  readonly bias?: boolean;
  /** `uniform` where not given. */
  readonly initialWeight?: InitialDraws["weight"];
}

/** Options of a linear layer. */
export interface LinearOptions {
  /** `uniform` where not given. */
  readonly initialBias?: InitialDraws["bias"];
}

/** Options of a pooling, the same on both axes; the windows touch without overlap where no stride is given. */
export interface PoolOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** A network file: `draw` adds the nodes from `net.input` to the logits. */
export function defineNetwork(
  name: string,
  publishedFor: Task,
  draw: (net: GraphBuilder, classes: number) => void,
): NetworkDefinition {
  return {
    name,
    ...publishedFor,
    build(image, classes) {
      const sizes = { channels: image[0], height: image[1], width: image[2], classes };
      for (const [what, size] of Object.entries(sizes)) {
        if (!Number.isSafeInteger(size) || size < 1) {
          throw new InputError([`network ${name}: ${what} must be an integer of at least 1, got ${size}`]);
        }
      }
      const net = new GraphBuilder(name, image);
      draw(net, classes);
      return net.build();
    },
  };
}

/** Every method adds a node and returns its index. @throws Error where images are too small or shapes do not fit. */
export class GraphBuilder {
  readonly nodes: NetworkNode[] = [];
  readonly input: number;
  readonly #network: string;

  constructor(network: string, image: ImageShape) {
    this.#network = network;
    this.input = this.node({ op: "input", name: "images", from: [], shape: image });
  }

  /** Output channels of a node. */
  channels(node: number): number {
    return this.nodes[node].shape[0];
  }

  conv(name: string, from: number, filters: number, options: ConvOptions): number {
    const [C, H, W] = this.nodes[from].shape;
    const { kernel, stride = 1, padding = 0, groups = 1, bias = true, initialWeight = "uniform" } = options;
    if (C % groups !== 0 || filters % groups !== 0) {
      throw new Error(`${name}: groups must divide ${C} channels and ${filters} filters, got ${groups}`);
    }
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
      groups,
    };
    this.#refuseStrideAcross(name, from, stride);
    const shape: ImageShape = [filters, outputHeight(geometry), outputWidth(geometry)];
    const initial: InitialDraws = { weight: initialWeight, bias: "uniform" };
    return this.node({ op: "conv", name, from: [from], shape, geometry, bias, initial });
  }

  /** Fully connected over the flattened input. */
  linear(name: string, from: number, outputs: number, { initialBias = "uniform" }: LinearOptions = {}): number {
    const geometry = linearGeometry(1, sizeOf(this.nodes[from].shape), outputs);
    const initial: InitialDraws = { weight: "uniform", bias: initialBias };
    return this.node({ op: "linear", name, from: [from], shape: [outputs, 1, 1], geometry, bias: true, initial });
  }

  batchNorm(name: string, from: number): number {
    return this.node({ op: "batchNorm", name, from: [from], shape: this.nodes[from].shape });
  }

  /** @param cap its largest output, as the 6 of ReLU6; none where not given. */
  relu(name: string, from: number, cap?: number): number {
    const { shape } = this.nodes[from];
    return this.node({ op: "relu", name, from: [from], shape, ...(cap === undefined ? {} : { cap }) });
  }

  /** @param rate share of the elements that training sets to zero, 0 ≤ rate < 1. */
  dropout(name: string, from: number, rate: number): number {
    if (!(rate >= 0 && rate < 1)) throw new Error(`${name}: rate must be at least 0 and below 1, got ${rate}`);
    return this.node({ op: "dropout", name, from: [from], shape: this.nodes[from].shape, rate });
  }

  add(name: string, a: number, b: number): number {
    const [shape, other] = [this.nodes[a].shape, this.nodes[b].shape];
    if (shape.some((extent, axis) => extent !== other[axis])) {
      throw new InputError([`${name}: shapes must be equal, got ${shape.join("×")} and ${other.join("×")}`]);
    }
    return this.node({ op: "add", name, from: [a, b], shape });
  }

  /** Along the channels, in the given order. */
  concat(name: string, parts: readonly number[]): number {
    const shapes = parts.map((part) => this.nodes[part].shape);
    const [[, H, W]] = shapes;
    if (shapes.some(([, height, width]) => height !== H || width !== W)) {
      const got = shapes.map((shape) => shape.join("×")).join(" and ");
      throw new InputError([`${name}: height and width must be equal, got ${got}`]);
    }
    const C = shapes.reduce((sum, [channels]) => sum + channels, 0);
    return this.node({ op: "concat", name, from: parts, shape: [C, H, W] });
  }

  maxPool(name: string, from: number, options: PoolOptions): number {
    return this.#pool("maxPool", name, from, options);
  }

  averagePool(name: string, from: number, options: PoolOptions): number {
    return this.#pool("averagePool", name, from, options);
  }

  /** Average over the whole plane. */
  globalAveragePool(name: string, from: number): number {
    const [C, H, W] = this.nodes[from].shape;
    const geometry: PoolGeometry = { N: 1, C, H, W, window: [H, W], stride: [H, W], padding: [0, 0, 0, 0] };
    return this.node({ op: "averagePool", name, from: [from], shape: [C, 1, 1], geometry });
  }

  /** A node of any kind, its shape worked out by the caller. */
  node(node: NetworkNode): number {
    if (Math.min(...node.shape) < 1) throw this.#tooSmall(node.name);
    return this.nodes.push(node) - 1;
  }

  build(): Network {
    return { name: this.#network, nodes: this.nodes };
  }

  #pool(op: "maxPool" | "averagePool", name: string, from: number, options: PoolOptions): number {
    const [C, H, W] = this.nodes[from].shape;
    const { kernel, stride = kernel, padding = 0 } = options;
    const geometry: PoolGeometry = {
      N: 1,
      C,
      H,
      W,
      window: [kernel, kernel],
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
    };
    this.#refuseStrideAcross(name, from, stride);
    const shape: ImageShape = [C, poolOutputHeight(geometry), poolOutputWidth(geometry)];
    return this.node({ op, name, from: [from], shape, geometry });
  }

  /** With padding, a plane smaller than the stride would still give an output, mostly of padding: no network means that. */
  #refuseStrideAcross(name: string, from: number, stride: number): void {
    const [, H, W] = this.nodes[from].shape;
    if (stride > Math.min(H, W)) throw this.#tooSmall(name);
  }

  #tooSmall(name: string): InputError {
    const [, H, W] = this.nodes[this.input].shape;
    return new InputError([
      `network ${this.#network}: images are too small for ${name}, got ${H}×${W} (height × width)`,
    ]);
  }
}
