/** ResNet-101 (He et al. 2016, Table 1) for 32×32 images, as in the SWAT authors' CIFAR code. */
import { bottleneck } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** 42.6 million parameters. */
export const resnet101 = cifarResnet("resnet101", {
  block: bottleneck(),
  blocks: [3, 4, 23, 3],
  widths: [64, 128, 256, 512],
});
