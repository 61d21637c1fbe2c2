/** ResNet-8: three stages of one basic block, widths 16, 32, 64; the smallest network with everything SWAT meets. */
import { basicResnet } from "./basic-resnet.ts";
import type { NetworkDefinition } from "./graph.ts";

/** About 78,000 parameters. */
export const resnet8: NetworkDefinition = {
  name: "resnet8",
  build: (image, classes) => basicResnet("resnet8", { blocks: [1, 1, 1], widths: [16, 32, 64] }, image, classes),
};
