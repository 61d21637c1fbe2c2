/**
 * Residual networks of basic blocks for small images: a 3×3 stem, stages of blocks of two 3×3 convolutions, stride 2 at
 * the start of every stage but the first, global average pooling and a classifier. Convolutions carry a bias and the
 * shortcut is a 1×1 convolution with batch norm, as in the SWAT authors' CIFAR code; He et al. 2016 §4.2 for the shape.
 */
import { GraphBuilder, type ImageShape, type Network } from "./graph.ts";

/** Blocks and width (filters) of each stage. */
export interface BasicResnetTable {
  readonly blocks: readonly number[];
  readonly widths: readonly number[];
}

/** Builds the network. @throws Error when the images are too small. */
export function basicResnet(name: string, table: BasicResnetTable, image: ImageShape, classes: number): Network {
  const net = new GraphBuilder(name, image);
  let x = net.conv("conv1", net.input, table.widths[0], { kernel: 3, padding: 1 });
  x = net.relu("relu1", net.batchNorm("bn1", x));
  table.blocks.forEach((blocks, stage) => {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(net, `layer${stage + 1}.${block}`, x, table.widths[stage], stride);
    }
  });
  net.linear("linear", net.globalAveragePool("pool", x), classes);
  return net.build();
}

function basicBlock(net: GraphBuilder, name: string, x: number, width: number, stride: number): number {
  let y = net.conv(`${name}.conv1`, x, width, { kernel: 3, stride, padding: 1 });
  y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, y));
  y = net.conv(`${name}.conv2`, y, width, { kernel: 3, padding: 1 });
  y = net.batchNorm(`${name}.bn2`, y);
  let shortcut = x;
  if (stride !== 1 || net.nodes[x].shape[0] !== width) {
    shortcut = net.conv(`${name}.shortcut.0`, x, width, { kernel: 1, stride });
    shortcut = net.batchNorm(`${name}.shortcut.1`, shortcut);
  }
  return net.relu(`${name}.relu2`, net.add(`${name}.add`, y, shortcut));
}
