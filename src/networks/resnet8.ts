/** ResNet-8: three stages of one basic block, widths 16, 32, 64; the smallest network with everything SWAT meets. */
import { basicBlock } from "./residual-blocks.ts";
import { cifarResnet } from "./residual-network.ts";

/** About 78,000 parameters. */
export const resnet8 = cifarResnet("resnet8", { block: basicBlock, blocks: [1, 1, 1], widths: [16, 32, 64] });
