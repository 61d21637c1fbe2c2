/**
 * DenseNet-BC-121 (Huang et al. 2017, Table 1; growth 32, compression 0.5) with a 3×3 stem for 32×32 images, as the SWAT
 * authors train it. Every layer of a block reads all earlier features; new features are concatenated in front.
 */
import { defineNetwork, type GraphBuilder } from "./graph-builder.ts";
import { CIFAR } from "./tasks.ts";

const GROWTH = 32;
const LAYERS = [6, 12, 24, 16];
const COMPRESSION = 0.5;
/** Filters of a layer's 1×1 convolution, in multiples of the growth. */
const BOTTLENECK = 4;

/** 7.0 million parameters. */
export const densenet121 = defineNetwork("densenet121", CIFAR, (net, classes) => {
  let x = net.conv("conv1", net.input, 2 * GROWTH, { kernel: 3, padding: 1, bias: false });
  LAYERS.forEach((layers, block) => {
    for (let layer = 0; layer < layers; layer++) x = denseLayer(net, `dense${block + 1}.${layer}`, x);
    if (block < LAYERS.length - 1) x = transition(net, `trans${block + 1}`, x);
  });
  x = net.relu("relu", net.batchNorm("bn", x));
  net.linear("linear", net.globalAveragePool("pool", x), classes);
});

function denseLayer(net: GraphBuilder, name: string, x: number): number {
  let y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x));
  y = net.conv(`${name}.conv1`, y, BOTTLENECK * GROWTH, { kernel: 1, bias: false });
  y = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, y));
  y = net.conv(`${name}.conv2`, y, GROWTH, { kernel: 3, padding: 1, bias: false });
  return net.concat(`${name}.concat`, [y, x]);
}

function transition(net: GraphBuilder, name: string, x: number): number {
  const y = net.relu(`${name}.relu`, net.batchNorm(`${name}.bn`, x));
  const filters = Math.floor(net.channels(x) * COMPRESSION);
  return net.averagePool(`${name}.pool`, net.conv(`${name}.conv`, y, filters, { kernel: 1, bias: false }), {
    kernel: 2,
  });
}
