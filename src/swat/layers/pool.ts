/** Maximum and average pooling; the position of each maximum is kept for its backward. */

import type { Backend, Pool, Tensor } from "../../kernels/backend.ts";
import type { NetworkNode } from "../../networks/graph.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

type PoolNode = Extract<NetworkNode, { op: "maxPool" | "averagePool" }>;

/** A pooling layer of either kind. */
export class PoolLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  readonly name: string;
  readonly #pool: Pool;

  constructor(
    { name, op, geometry }: PoolNode,
    readonly source: Source,
    readonly target: Activation,
    backend: Backend,
  ) {
    this.name = name;
    const g = { ...geometry, N: source.values.maxBatch };
    this.#pool = op === "maxPool" ? backend.maxPool(g) : backend.averagePool(g);
  }

  forward(batch: number): void {
    this.#pool.forward(batch, this.source.values, this.target.values);
  }

  backward(batch: number): void {
    const { grad, accumulate } = this.source;
    if (grad !== null) this.#pool.backward(batch, this.target.grad as Tensor, grad, accumulate);
  }
}
