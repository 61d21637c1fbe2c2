/**
 * The two residual blocks of He et al. 2016 ("Deep Residual Learning", Fig. 5), each convolution followed by batch norm,
 * ReLU after the addition. Where the shape changes, the shortcut is a 1×1 convolution with batch norm (option B). A
 * bottleneck strides in its 3×3 convolution, as torchvision and the SWAT authors' code do.
 */
import type { ConvOptions, GraphBuilder } from "./graph-builder.ts";

/** What the CIFAR and the ImageNet code of the SWAT authors write differently. */
export interface BlockStyle {
  /** Of every convolution: whether it carries a bias, and what its weight is drawn from. */
  readonly conv: Pick<ConvOptions, "bias" | "initialWeight">;
  /** Name of the shortcut's two nodes, before `.0` and `.1`. */
  readonly shortcut: string;
}

/** Adds a block that reads `x` and returns its last node. */
export type ResidualBlock = (net: GraphBuilder, name: string, x: number, shape: BlockShape) => number;

/** Filters and stride of a block. */
interface BlockShape {
  readonly width: number;
  readonly stride: number;
  readonly style: BlockStyle;
}

/** Two 3×3 convolutions of `width` filters. */
export const basicBlock: ResidualBlock = (net, name, x, shape) => {
  const { width, stride, style } = shape;
  const { conv } = style;
  let y = net.conv(`${name}.conv1`, x, width, { kernel: 3, stride, padding: 1, ...conv });
  y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, y));
  y = net.conv(`${name}.conv2`, y, width, { kernel: 3, padding: 1, ...conv });
  y = net.batchNorm(`${name}.bn2`, y);
  return net.relu(`${name}.relu2`, net.add(`${name}.add`, y, shortcut(net, name, x, shape)));
};

const EXPANSION = 4;

/**
 * 1×1, 3×3 and 1×1 convolutions, the last of 4 · `width` filters, the others of `widen` · `width`
 * (`widen` = 2 is the ImageNet network of Zagoruyko & Komodakis 2016, Table 8).
 */
export function bottleneck(widen = 1): ResidualBlock {
  return (net, name, x, shape) => {
    const { width, stride, style } = shape;
    const { conv } = style;
    const inner = widen * width;
    let y = net.conv(`${name}.conv1`, x, inner, { kernel: 1, ...conv });
    y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, y));
    y = net.conv(`${name}.conv2`, y, inner, { kernel: 3, stride, padding: 1, ...conv });
    y = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, y));
    y = net.conv(`${name}.conv3`, y, EXPANSION * width, { kernel: 1, ...conv });
    y = net.batchNorm(`${name}.bn3`, y);
    const passed = shortcut(net, name, x, { ...shape, width: EXPANSION * width });
    return net.relu(`${name}.relu3`, net.add(`${name}.add`, y, passed));
  };
}

function shortcut(net: GraphBuilder, name: string, x: number, { width, stride, style }: BlockShape): number {
  if (stride === 1 && net.channels(x) === width) return x;
  const y = net.conv(`${name}.${style.shortcut}.0`, x, width, { kernel: 1, stride, ...style.conv });
  return net.batchNorm(`${name}.${style.shortcut}.1`, y);
}
