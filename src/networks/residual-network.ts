/**
 * Residual networks (He et al. 2016, Table 1 and §4.2): a stem, stages of equal blocks with stride 2 at the start of every
 * stage but the first, global average pooling and a classifier. Small images have a 3×3 stem and, as in the SWAT authors'
 * CIFAR code, a bias in every convolution; ImageNet has a strided 7×7 stem and max pooling, as in torchvision.
 */
import type { NetworkDefinition } from "./graph.ts";
import { defineNetwork, type GraphBuilder } from "./graph-builder.ts";
import { type BlockStyle, basicBlock, bottleneck, type ResidualBlock } from "./residual-blocks.ts";
import { CIFAR, IMAGENET } from "./tasks.ts";

/** The block, how many of it a stage has, and the width (filters) of each stage: four doubling from 64 unless given. */
export interface ResidualTable {
  readonly block: ResidualBlock;
  readonly blocks: readonly number[];
  readonly widths?: readonly number[];
}

const WIDTHS = [64, 128, 256, 512];

const CIFAR_STYLE: BlockStyle = { conv: { bias: true }, shortcut: "shortcut" };
/** The authors' code draws its own convolutions by fan-out; the stem is PyTorch's and keeps that default. */
const IMAGENET_STYLE: BlockStyle = { conv: { bias: false, initialWeight: "fanOutNormal" }, shortcut: "downsample" };

/** A residual network for 32×32 images. */
export function cifarResnet(name: string, table: ResidualTable): NetworkDefinition {
  return defineNetwork(name, CIFAR, (net, classes) => {
    const x = net.conv("conv1", net.input, (table.widths ?? WIDTHS)[0], { kernel: 3, padding: 1 });
    const y = stages(net, net.relu("relu1", net.batchNorm("bn1", x)), table, CIFAR_STYLE);
    net.linear("linear", net.globalAveragePool("pool", y), classes);
  });
}

/** A residual network for 224×224 images. */
export function imagenetResnet(name: string, table: ResidualTable): NetworkDefinition {
  return defineNetwork(name, IMAGENET, (net, classes) => {
    let x = net.conv("conv1", net.input, (table.widths ?? WIDTHS)[0], {
      kernel: 7,
      stride: 2,
      padding: 3,
      bias: false,
    });
    x = net.relu("relu1", net.batchNorm("bn1", x));
    x = net.maxPool("maxpool", x, { kernel: 3, stride: 2, padding: 1 });
    x = stages(net, x, table, IMAGENET_STYLE);
    net.linear("fc", net.globalAveragePool("avgpool", x), classes);
  });
}

function stages(net: GraphBuilder, input: number, table: ResidualTable, style: BlockStyle): number {
  const { blocks: counts, widths = WIDTHS } = table;
  let x = input;
  counts.forEach((blocks, stage) => {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = table.block(net, `layer${stage + 1}.${block}`, x, { width: widths[stage], stride, style });
    }
  });
  return x;
}

/**
 * ResNet-8 has the fewest layers with everything SWAT meets; ResNet-20 is He et al. 2016 §4.2 (n = 3) with convolutions in
 * the shortcuts where the paper pads with zeros; ResNet-18 to 101 are their Table 1, as in the SWAT authors' CIFAR code and,
 * on ImageNet, torchvision; Wide ResNet-50-2 (Zagoruyko & Komodakis 2016, Table 8) doubles the inner widths of ResNet-50.
 */
export const residualNetworks: readonly NetworkDefinition[] = [
  cifarResnet("resnet8", { block: basicBlock, blocks: [1, 1, 1], widths: [16, 32, 64] }),
  cifarResnet("resnet20", { block: basicBlock, blocks: [3, 3, 3], widths: [16, 32, 64] }),
  cifarResnet("resnet18", { block: basicBlock, blocks: [2, 2, 2, 2] }),
  cifarResnet("resnet34", { block: basicBlock, blocks: [3, 4, 6, 3] }),
  cifarResnet("resnet50", { block: bottleneck(), blocks: [3, 4, 6, 3] }),
  cifarResnet("resnet101", { block: bottleneck(), blocks: [3, 4, 23, 3] }),
  imagenetResnet("resnet50-imagenet", { block: bottleneck(), blocks: [3, 4, 6, 3] }),
  imagenetResnet("wrn50-2-imagenet", { block: bottleneck(2), blocks: [3, 4, 6, 3] }),
];
