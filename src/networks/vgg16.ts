/**
 * VGG-16 (Simonyan & Zisserman 2015, Table 1, column D) with batch norm, as the SWAT authors train it on 32×32 images.
 * Convolutions carry a bias; names count every node of the features and of the classifier, as PyTorch's sequences do.
 */
import type { NetworkDefinition } from "./graph.ts";
import { defineNetwork } from "./graph-builder.ts";
import { CIFAR } from "./tasks.ts";

/** Filters of the 3×3 convolutions; max pooling by 2 ends each group. */
const FEATURES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

const DROPOUT = 0.5;

/** 33.6 million parameters. */
export const vgg16 = vgg("vgg16", FEATURES, 4096);

/** A VGG network with groups of convolutions of so many filters and two hidden layers of `hidden` units. */
export function vgg(name: string, features: readonly (readonly number[])[], hidden: number): NetworkDefinition {
  return defineNetwork(name, CIFAR, (net, classes) => {
    let x = net.input;
    let index = 0;
    const feature = () => `features.${index++}`;
    for (const group of features) {
      for (const filters of group) {
        x = net.conv(feature(), x, filters, { kernel: 3, padding: 1 });
        x = net.relu(feature(), net.batchNorm(feature(), x));
      }
      x = net.maxPool(feature(), x, { kernel: 2 });
    }
    x = net.relu("classifier.1", net.linear("classifier.0", x, hidden));
    x = net.dropout("classifier.2", x, DROPOUT);
    x = net.relu("classifier.4", net.linear("classifier.3", x, hidden));
    x = net.dropout("classifier.5", x, DROPOUT);
    net.linear("classifier.6", x, classes);
  });
}
