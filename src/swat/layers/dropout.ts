/**
 * Inverted dropout (Srivastava et al. 2014, §10) in training, the identity in evaluation. The draws of a step depend on
 * (seed, step, layer) alone; the backward pass makes them again, so that no mask is kept.
 */

import { type RandomStream, randomStream } from "../../core/random.ts";
import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { NetworkNode } from "../../networks/graph.ts";
import type { Activation, Source } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

type DropoutNode = Extract<NetworkNode, { op: "dropout" }>;

/** y = x/(1 − rate) but 0 for a share `rate` of the elements. */
export class DropoutLayer implements Layer {
  readonly parameters = [];
  readonly buffers = [];
  readonly name: string;
  readonly rate: number;
  #stream: RandomStream | null = null;

  /** @param index number of the node in its network, which keys the draws. */
  constructor(
    { name, rate }: DropoutNode,
    readonly index: number,
    readonly source: Source,
    readonly target: Activation,
    readonly backend: Backend,
  ) {
    this.name = name;
    this.rate = rate;
  }

  forward(batch: number, { training, seed = 0, step = 0 }: Phase): void {
    const [x, y] = [this.source.values, this.target.values];
    if (training) {
      this.#stream = randomStream(seed, "dropout", step, this.index);
      this.backend.dropout(batch, this.rate, this.#stream, x, y, false);
    } else this.backend.copy(batch, x, y, false);
  }

  backward(batch: number): void {
    const { grad, accumulate } = this.source;
    if (grad === null || this.#stream === null) return;
    this.backend.dropout(batch, this.rate, this.#stream, this.target.grad as Tensor, grad, accumulate);
  }
}
