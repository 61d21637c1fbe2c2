/** ResNet-18 (He et al. 2016, Table 1) for 32×32 images, as the SWAT authors train it. */
import { basicBlock } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** 11.2 million parameters. */
export const resnet18 = cifarResnet("resnet18", {
  block: basicBlock,
  blocks: [2, 2, 2, 2],
  widths: [64, 128, 256, 512],
});
