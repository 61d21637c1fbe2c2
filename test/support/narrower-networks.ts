import { densenet } from "../../src/networks/densenet121.ts";
import type { NetworkDefinition } from "../../src/networks/graph.ts";
import { mobilenet } from "../../src/networks/mobilenet-v2.ts";
import { basicBlock, bottleneck } from "../../src/networks/residual-blocks.ts";
import { cifarResnet, imagenetResnet } from "../../src/networks/residual-network.ts";
import { CIFAR } from "../../src/networks/tasks.ts";
import { vgg } from "../../src/networks/vgg16.ts";
import { wideResnet } from "../../src/networks/wrn.ts";

const WIDTHS = [16, 32, 64, 128];
const BOTTLENECKS = { block: bottleneck(), blocks: [2, 2, 2, 2], widths: WIDTHS };
/** By the name of a network, one of the same blocks, fewer of them and with fewer filters, where millions of weights would have to be drawn. */
export const NARROWER: Readonly<Record<string, NetworkDefinition>> = {
  resnet18: cifarResnet("resnet18", { block: basicBlock, blocks: [2, 2, 2, 2], widths: WIDTHS }),
  resnet50: cifarResnet("resnet50", BOTTLENECKS),
  densenet121: densenet("densenet121", [2, 3, 4, 2], 8),
  "mobilenet-v2": mobilenet("mobilenet-v2", CIFAR, { stem: 1, second: 1 }, 4),
  vgg16: vgg(
    "vgg16",
    [
      [16, 16],
      [32, 32],
      [64, 64, 64],
      [128, 128, 128],
      [128, 128, 128],
    ],
    256,
  ),
  "wrn16-8": wideResnet(16, 2),
  "wrn28-10": wideResnet(28, 1),
  "resnet50-imagenet": imagenetResnet("resnet50-imagenet", BOTTLENECKS),
};
