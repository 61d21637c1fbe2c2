/** ResNet-34 (He et al. 2016, Table 1) for 32×32 images, as in the SWAT authors' CIFAR code. */
import { basicBlock } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** 21.3 million parameters. */
export const resnet34 = cifarResnet("resnet34", {
  block: basicBlock,
  blocks: [3, 4, 6, 3],
  widths: [64, 128, 256, 512],
});
