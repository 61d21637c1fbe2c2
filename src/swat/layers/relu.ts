/** ReLU; its backward needs only the signs of its output. */
import type { Kernels } from "../../kernels/kernels.ts";
import type { StepRecorder } from "../record.ts";
import type { Activation } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = max(x, 0). */
export class ReluLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];

  constructor(
    readonly name: string,
    readonly source: Activation,
    readonly target: Activation,
    readonly kernels: Kernels,
  ) {}

  forward(batch: number): void {
    this.kernels.reluForward(batch * this.source.size, this.source.values, this.target.values);
  }

  backward(batch: number): void {
    const [grad, sourceGrad] = [this.target.grad as Float32Array, this.source.grad as Float32Array];
    this.kernels.reluBackward(batch * this.source.size, this.target.values, grad, sourceGrad);
  }

  recordForward(recorder: StepRecorder): void {
    recorder.move("relu", "forward", this.name, [recorder.activation(this.source)], [recorder.activation(this.target)]);
  }

  recordBackward(recorder: StepRecorder): void {
    const reads = [recorder.activation(this.target), recorder.gradient(this.target)];
    recorder.move("relu", "backward", this.name, reads, [recorder.gradient(this.source)]);
  }
}
