/**
 * VGG-16 (Simonyan & Zisserman 2015, Table 1, column D) with batch norm, as the SWAT authors train it on 32×32 images.
 * Convolutions carry a bias; names count every node of the features and of the classifier, as PyTorch's sequences do.
 */
import { defineNetwork } from "./graph-builder.ts";
import { CIFAR } from "./tasks.ts";

/** Filters of the 3×3 convolutions; max pooling by 2 ends each group. */
const FEATURES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
] as const;

const DROPOUT = 0.5;

/** 33.6 million parameters. */
export const vgg16 = defineNetwork("vgg16", CIFAR, (net, classes) => {
  let x = net.input;
  let index = 0;
  const feature = () => `features.${index++}`;
  for (const group of FEATURES) {
    for (const filters of group) {
      x = net.conv(feature(), x, filters, { kernel: 3, padding: 1 });
      x = net.relu(feature(), net.batchNorm(feature(), x));
    }
    x = net.maxPool(feature(), x, { kernel: 2 });
  }
  x = net.relu("classifier.1", net.linear("classifier.0", x, 4096));
  x = net.dropout("classifier.2", x, DROPOUT);
  x = net.relu("classifier.4", net.linear("classifier.3", x, 4096));
  x = net.dropout("classifier.5", x, DROPOUT);
  net.linear("classifier.6", x, classes);
});
