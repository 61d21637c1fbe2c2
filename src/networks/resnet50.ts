/** ResNet-50 (He et al. 2016, Table 1) for 32×32 images, as in the SWAT authors' CIFAR code. */
import { bottleneck } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** 23.5 million parameters. */
export const resnet50 = cifarResnet("resnet50", {
  block: bottleneck(),
  blocks: [3, 4, 6, 3],
  widths: [64, 128, 256, 512],
});
