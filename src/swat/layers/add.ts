/** The sum of a residual block; its gradient goes to both sides unchanged. */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = a + b. */
export class AddLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];

  constructor(
    readonly name: string,
    readonly sources: readonly [Source, Source],
    readonly target: Activation,
    readonly backend: Backend,
  ) {}

  forward(batch: number): void {
    const [a, b] = this.sources;
    this.backend.add(batch, a.values, b.values, this.target.values);
  }

  backward(batch: number): void {
    for (const { grad, accumulate } of this.sources) {
      // A source may have been given the gradient of the sum itself.
      if (grad !== null && grad !== this.target.grad)
        this.backend.copy(batch, this.target.grad as Tensor, grad, accumulate);
    }
  }
}
