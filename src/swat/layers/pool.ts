/** Maximum and average pooling. Max pooling keeps the index of each maximum for its backward. */
import type { Kernels, PoolGeometry } from "../../kernels/kernels.ts";
import type { StepRecorder } from "../record.ts";
import type { Activation } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** A pooling layer of either kind. */
export class PoolLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  readonly #argmax: Int32Array | null;

  constructor(
    readonly name: string,
    readonly op: "maxPool" | "averagePool",
    readonly geometry: PoolGeometry,
    readonly source: Activation,
    readonly target: Activation,
    readonly kernels: Kernels,
  ) {
    this.#argmax = op === "maxPool" ? new Int32Array(target.values.length) : null;
  }

  forward(batch: number): void {
    const g = { ...this.geometry, N: batch };
    if (this.#argmax === null) this.kernels.averagePoolForward(g, this.source.values, this.target.values);
    else this.kernels.maxPoolForward(g, this.source.values, this.target.values, this.#argmax);
  }

  backward(batch: number): void {
    const g = { ...this.geometry, N: batch };
    const [grad, sourceGrad] = [this.target.grad as Float32Array, this.source.grad];
    if (sourceGrad === null) return;
    if (this.#argmax === null) this.kernels.averagePoolBackward(g, grad, sourceGrad);
    else this.kernels.maxPoolBackward(g, grad, this.#argmax, sourceGrad);
  }

  recordForward(recorder: StepRecorder): void {
    const reads = [recorder.activation(this.source)];
    recorder.move(this.op, "forward", this.name, reads, [recorder.activation(this.target)]);
  }

  recordBackward(recorder: StepRecorder): void {
    if (this.source.grad === null) return;
    const input = this.#argmax === null ? [] : [recorder.activation(this.source)];
    const reads = [...input, recorder.gradient(this.target)];
    recorder.move(this.op, "backward", this.name, reads, [recorder.gradient(this.source)]);
  }
}
