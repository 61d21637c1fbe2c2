/** ReLU; its backward needs only the signs of its output. */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { StepRecorder } from "../record.ts";
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

  recordForward(recorder: StepRecorder): void {
    recorder.move("relu", "forward", this.name, [recorder.activation(this.source)], [recorder.activation(this.target)]);
  }

  recordBackward(recorder: StepRecorder): void {
    if (this.source.grad === null) return;
    const reads = [recorder.activation(this.target), recorder.gradient(this.target)];
    recorder.move("relu", "backward", this.name, reads, [recorder.gradient(this.source)]);
  }
}
