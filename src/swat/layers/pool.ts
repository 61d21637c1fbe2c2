/** Maximum and average pooling; the position of each maximum is kept for its backward. */

import type { PoolGeometry } from "../../core/pool-geometry.ts";
import type { Backend, Pool, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** A pooling layer of either kind. */
export class PoolLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  readonly #pool: Pool;

  constructor(
    readonly name: string,
    readonly op: "maxPool" | "averagePool",
    geometry: PoolGeometry,
    readonly source: Source,
    readonly target: Activation,
    backend: Backend,
  ) {
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
