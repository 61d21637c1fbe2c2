/**
 * MobileNetV2 (Sandler et al. 2018, Table 2 and Fig. 3): inverted residual blocks that widen t times with a 1×1 convolution,
 * filter each channel for itself with a 3×3 depthwise one, and narrow without a ReLU. Nodes are named as torchvision's
 * modules, and as there the activation is ReLU6. For 32×32 images the stem and the second stage keep the plane, so that
 * five halvings become three.
 */
import type { NetworkDefinition, Task } from "./graph.ts";
import { defineNetwork, type GraphBuilder } from "./graph-builder.ts";
import { CIFAR, IMAGENET } from "./tasks.ts";

/** Table 2: expansion t, output channels c, blocks n, stride s of the first block. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const STEM = 32;
const HEAD = 1280;
const CAP = 6;
const DROPOUT = 0.2;

/** Strides that differ from Table 2 where images are small. */
interface Strides {
  readonly stem: number;
  readonly second: number;
}

/** For 32×32 images: 2.24 million parameters and 88.0 million MACs an image. */
export const mobilenetV2 = mobilenet("mobilenet-v2", CIFAR, { stem: 1, second: 1 });
/** For 224×224 images, as torchvision's: 3.50 million parameters and 300.8 million MACs an image. */
export const mobilenetV2Imagenet = mobilenet("mobilenet-v2-imagenet", IMAGENET, { stem: 2, second: 2 });

/** MobileNetV2 with every width divided by `narrower` (a divisor of 8). */
export function mobilenet(name: string, task: Task, strides: Strides, narrower = 1): NetworkDefinition {
  return defineNetwork(name, task, (net, classes) => {
    const stem = { kernel: 3, stride: strides.stem, padding: 1 };
    let x = activated(net, "features.0", net.input, STEM / narrower, stem);
    let block = 1;
    STAGES.forEach(([expansion, width, blocks, stride], stage) => {
      const first = stage === 1 ? strides.second : stride;
      for (let i = 0; i < blocks; i++) {
        const shape = { expansion, width: width / narrower, stride: i === 0 ? first : 1 };
        x = invertedResidual(net, `features.${block++}`, x, shape);
      }
    });
    x = activated(net, `features.${block}`, x, HEAD / narrower, { kernel: 1 });
    net.linear("classifier.1", net.dropout("classifier.0", net.globalAveragePool("pool", x), DROPOUT), classes, {
      initialBias: "zero",
    });
  });
}

interface BlockShape {
  readonly expansion: number;
  readonly width: number;
  readonly stride: number;
}

function invertedResidual(
  net: GraphBuilder,
  name: string,
  x: number,
  { expansion, width, stride }: BlockShape,
): number {
  const inner = net.channels(x) * expansion;
  let part = 0;
  let y = x;
  if (expansion > 1) y = activated(net, `${name}.conv.${part++}`, y, inner, { kernel: 1 });
  y = activated(net, `${name}.conv.${part++}`, y, inner, { kernel: 3, stride, padding: 1, groups: inner });
  y = net.conv(`${name}.conv.${part++}`, y, width, { kernel: 1, bias: false, initialWeight: "fanOutNormal" });
  y = net.batchNorm(`${name}.conv.${part}`, y);
  return stride === 1 && net.channels(x) === width ? net.add(`${name}.add`, x, y) : y;
}

/** Convolution, batch norm and ReLU6: `.0`, `.1` and `.2` of a name. */
function activated(
  net: GraphBuilder,
  name: string,
  x: number,
  filters: number,
  options: { readonly kernel: number; readonly stride?: number; readonly padding?: number; readonly groups?: number },
): number {
  const y = net.conv(`${name}.0`, x, filters, { ...options, bias: false, initialWeight: "fanOutNormal" });
  return net.relu(`${name}.2`, net.batchNorm(`${name}.1`, y), CAP);
}
