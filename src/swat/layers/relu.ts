/** ReLU; its backward needs only the signs of its output. */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = max(x, 0). */
export class ReluLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];

  constructor(
    readonly name: string,
    readonly source: Source,
    readonly target: Activation,
    readonly backend: Backend,
  ) {}

  forward(batch: number): void {
    this.backend.relu(batch, this.source.values, this.target.values);
  }

  backward(batch: number): void {
    const { grad, accumulate } = this.source;
    if (grad === null) return;
    this.backend.reluBackward(batch, this.target.values, this.target.grad as Tensor, grad, accumulate);
  }
}
