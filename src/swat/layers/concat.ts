/** Concatenation along the channels, in the order of the sources; each gets its part of the gradient. */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer } from "./layer.ts";

/** y = [a; b; …]. */
export class ConcatLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  /** Channel of the target at which each source begins. */
  readonly #starts: readonly number[];

  constructor(
    readonly name: string,
    readonly sources: readonly Source[],
    readonly target: Activation,
    readonly backend: Backend,
  ) {
    let start = 0;
    this.#starts = sources.map(({ shape: [channels] }) => {
      const first = start;
      start += channels;
      return first;
    });
  }

  forward(batch: number): void {
    this.sources.forEach(({ shape: [count], values }, i) => {
      const channels = { source: 0, target: this.#starts[i], count };
      this.backend.copyChannels(batch, channels, values, this.target.values, false);
    });
  }

  backward(batch: number): void {
    this.sources.forEach(({ shape: [count], grad, accumulate }, i) => {
      const channels = { source: this.#starts[i], target: 0, count };
      if (grad !== null) this.backend.copyChannels(batch, channels, this.target.grad as Tensor, grad, accumulate);
    });
  }
}
