/** ResNet-20 of He et al. 2016 §4.2 (n = 3), with convolutions in the shortcuts where the paper pads with zeros. */
import { basicBlock } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** About 275,000 parameters. */
export const resnet20 = cifarResnet("resnet20", { block: basicBlock, blocks: [3, 3, 3], widths: [16, 32, 64] });
