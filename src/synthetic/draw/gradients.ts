/**
 * Zeros of gradients, by what backpropagation leaves zero: a ReLU where its output is, dropout what it dropped, max pooling
 * all but the largest, a layer what no kept weight multiplies; batch norm fills a channel again.
 */
import { type RandomStream, randomStream } from "../../core/random.ts";
import { layersOf, type NetworkNode } from "../../networks/graph.ts";
import type { SyntheticStep } from "../step.ts";
import type { ForwardZeros } from "./forward.ts";
import type { Zeros } from "./masks.ts";
import * as masks from "./masks.ts";

/** Zeros of the gradient with respect to each node's output; `weights` of each layer, in order. */
export function gradientZeros(
  { network, batch, seed, patterns }: SyntheticStep,
  weights: readonly Zeros[],
  { natural, winners, kept }: ForwardZeros,
): readonly Zeros[] {
  const { nodes } = network;
  const layers = layersOf(network);
  const gradients: (Zeros | undefined)[] = nodes.map(() => undefined);
  gradients[nodes.length - 1] = null;
  for (let index = nodes.length - 1; index > 0; index--) {
    const node = nodes[index];
    const grad = gradients[index] as Zeros;
    let channel = 0;
    for (const from of node.from) {
      const shape = [batch, ...nodes[from].shape];
      const passes = passedOn(node, index, grad, shape, channel);
      const others = gradients[from];
      gradients[from] = others === undefined ? passes : masks.either(others, passes);
      channel += nodes[from].shape[0];
    }
  }
  return gradients.map((zeros) => zeros ?? null);

  function passedOn(node: NetworkNode, index: number, grad: Zeros, shape: readonly number[], channel: number): Zeros {
    switch (node.op) {
      case "conv":
      case "linear":
        return masks.reachedInputs(node, weights[layers.indexOf(node)], shape);
      case "relu":
        return masks.both(natural[index], grad);
      case "dropout":
        return masks.both(kept.get(node) ?? null, grad);
      case "batchNorm":
        return thinned(masks.wholeChannels(grad), shape, randomStream(seed, "synthetic-gradient", index));
      case "maxPool":
        return masks.maxPoolBackward({ ...node.geometry, N: batch }, winners.get(node) as Int32Array, grad, shape);
      case "averagePool":
        return masks.averagePoolBackward({ ...node.geometry, N: batch }, grad, shape);
      case "concat":
        return masks.channelsOf(grad, channel, shape);
      default:
        return grad;
    }
  }

  function thinned(grad: Zeros, shape: readonly number[], stream: RandomStream): Zeros {
    if (patterns.gradDensity === 1) return grad;
    return masks.thinned(grad, shape, (i) => stream.uniformAt(i) < patterns.gradDensity);
  }
}
