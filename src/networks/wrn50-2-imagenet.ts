/** Wide ResNet-50-2 (Zagoruyko & Komodakis 2016, Table 8): ResNet-50 with inner convolutions twice as wide. */
import { bottleneck } from "./residual-blocks.ts";
import { imagenetResnet } from "./residual-network.ts";

/** 68.9 million parameters. */
export const wrn50x2Imagenet = imagenetResnet("wrn50-2-imagenet", {
  block: bottleneck(2),
  blocks: [3, 4, 6, 3],
  widths: [64, 128, 256, 512],
});
