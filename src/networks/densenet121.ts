/**
 * DenseNet-BC (Huang et al. 2017, Table 1; compression 0.5) with a 3×3 stem for 32×32 images, as the SWAT authors train
 * it. Every layer of a block reads all earlier features; new features are concatenated in front.
 */
import type { NetworkDefinition } from "./graph.ts";
import { defineNetwork, type GraphBuilder } from "./graph-builder.ts";
import { CIFAR } from "./tasks.ts";

const COMPRESSION = 0.5;
/** Filters of a layer's 1×1 convolution, in multiples of the growth. */
const BOTTLENECK = 4;

/** 7.0 million parameters. */
export const densenet121 = densenet("densenet121", [6, 12, 24, 16], 32);

/** A dense network whose blocks have so many layers, each of which adds `growth` features. */
export function densenet(name: string, blocks: readonly number[], growth: number): NetworkDefinition {
  return defineNetwork(name, CIFAR, (net, classes) => {
    let x = net.conv("conv1", net.input, 2 * growth, { kernel: 3, padding: 1, bias: false });
    blocks.forEach((layers, block) => {
      for (let layer = 0; layer < layers; layer++) x = denseLayer(net, `dense${block + 1}.${layer}`, x, growth);
      if (block < blocks.length - 1) x = transition(net, `trans${block + 1}`, x);
    });
    x = net.relu("relu", net.batchNorm("bn", x));
    net.linear("linear", net.globalAveragePool("pool", x), classes);
  });
}

function denseLayer(net: GraphBuilder, name: string, x: number, growth: number): number {
  let y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x));
  y = net.conv(`${name}.conv1`, y, BOTTLENECK * growth, { kernel: 1, bias: false });
  y = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, y));
  y = net.conv(`${name}.conv2`, y, growth, { kernel: 3, padding: 1, bias: false });
  return net.concat(`${name}.concat`, [y, x]);
}

function transition(net: GraphBuilder, name: string, x: number): number {
  const y = net.relu(`${name}.relu`, net.batchNorm(`${name}.bn`, x));
  const filters = Math.floor(net.channels(x) * COMPRESSION);
  return net.averagePool(`${name}.pool`, net.conv(`${name}.conv`, y, filters, { kernel: 1, bias: false }), {
    kernel: 2,
  });
}
