/** ReLU and ReLU6; they keep one bit for each element, which is all that their backward pass needs. */
import type { Backend, Signs, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

/** y = max(x, 0), at most `cap` where there is one. */
export class ReluLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  readonly #signs: Signs;

  constructor(
    readonly name: string,
    readonly source: Source,
    readonly target: Activation,
    readonly backend: Backend,
    readonly cap?: number,
  ) {
    this.#signs = backend.signs(target.shape, target.values.maxBatch);
  }

  forward(batch: number, { training }: Phase): void {
    this.backend.relu(batch, this.source.values, this.target.values, training ? this.#signs : null, this.cap);
  }

  backward(batch: number): void {
    const { grad, accumulate } = this.source;
    if (grad === null) return;
    this.backend.reluBackward(batch, this.#signs, this.target.grad as Tensor, grad, accumulate);
  }
}
