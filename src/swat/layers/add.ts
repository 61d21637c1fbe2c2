/** The sum of a residual block; its gradient goes to both sides unchanged. */
import type { Kernels } from "../../kernels/kernels.ts";
import type { StepRecorder } from "../record.ts";
import type { Activation } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = a + b. */
export class AddLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];

  constructor(
    readonly name: string,
    readonly sources: readonly [Activation, Activation],
    readonly target: Activation,
    readonly kernels: Kernels,
  ) {}

  forward(batch: number): void {
    const [a, b] = this.sources;
    this.kernels.addForward(batch * this.target.size, a.values, b.values, this.target.values);
  }

  backward(batch: number): void {
    for (const { grad } of this.sources) {
      if (grad !== null) this.kernels.accumulate(batch * this.target.size, this.target.grad as Float32Array, grad);
    }
  }

  recordForward(recorder: StepRecorder): void {
    const reads = this.sources.map((source) => recorder.activation(source));
    recorder.move("add", "forward", this.name, reads, [recorder.activation(this.target)]);
  }

  recordBackward(recorder: StepRecorder): void {
    const writes = this.sources.filter(({ grad }) => grad !== null).map((source) => recorder.gradient(source));
    recorder.move("add", "backward", this.name, [recorder.gradient(this.target)], writes);
  }
}
