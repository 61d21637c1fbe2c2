/** ReLU and ReLU6; their backward needs only their output. */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = max(x, 0), at most `cap` where there is one. */
export class ReluLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];

  constructor(
    readonly name: string,
    readonly source: Source,
    readonly target: Activation,
    readonly backend: Backend,
    readonly cap?: number,
  ) {}

  forward(batch: number): void {
    this.backend.relu(batch, this.source.values, this.target.values, this.cap);
  }

  backward(batch: number): void {
    const { grad, accumulate } = this.source;
    if (grad === null) return;
    this.backend.reluBackward(batch, this.target.values, this.target.grad as Tensor, grad, accumulate, this.cap);
  }
}
