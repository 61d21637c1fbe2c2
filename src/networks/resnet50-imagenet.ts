/** ResNet-50 (He et al. 2016, Table 1) for 224×224 images, as in torchvision. */
import { bottleneck } from "./residual-blocks.ts";
import { imagenetResnet } from "./residual-network.ts";

/** 25.6 million parameters. */
export const resnet50Imagenet = imagenetResnet("resnet50-imagenet", {
  block: bottleneck(),
  blocks: [3, 4, 6, 3],
  widths: [64, 128, 256, 512],
});
