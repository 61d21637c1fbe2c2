/**
 * Wide residual networks WRN-depth-widen (Zagoruyko & Komodakis 2016, Table 1): three groups of (depth − 4)/6
 * pre-activated basic blocks, widths 16, 32 and 64 times `widen`, dropout between the two convolutions of a block. As in
 * the SWAT authors' code, a block that changes the shape also gives its pre-activated input to the shortcut.
 */
import { InputError } from "../io/faults.ts";
import type { NetworkDefinition } from "./graph.ts";
import { defineNetwork, type GraphBuilder } from "./graph-builder.ts";
import { CIFAR } from "./tasks.ts";

const STEM_WIDTH = 16;
const GROUP_WIDTHS = [16, 32, 64];
const DROPOUT = 0.3;
const CONV = { bias: false, initialWeight: "fanOutNormal" } as const;
const LAYERS_OUTSIDE_BLOCKS = 4;
/** Layers that depth counts for one more block in every group. */
const LAYERS_PER_BLOCK = 6;
const NAME = /^wrn([1-9]\d*)-([1-9]\d*)$/;

/** WRN-`depth`-`widen`. @throws InputError when no whole number of blocks makes that depth. */
export function wideResnet(depth: number, widen: number): NetworkDefinition {
  const name = `wrn${depth}-${widen}`;
  const blocks = (depth - LAYERS_OUTSIDE_BLOCKS) / LAYERS_PER_BLOCK;
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new InputError([`${name}: depth must be 6n + 4, got ${depth}; valid: 10, 16, 22, 28, 34, 40 and so on`]);
  }
  return defineNetwork(name, CIFAR, (net, classes) => {
    let x = net.conv("conv1", net.input, STEM_WIDTH, { kernel: 3, padding: 1, ...CONV });
    GROUP_WIDTHS.forEach((width, group) => {
      for (let block = 0; block < blocks; block++) {
        const stride = group > 0 && block === 0 ? 2 : 1;
        x = preActivatedBlock(net, `block${group + 1}.layer.${block}`, x, widen * width, stride);
      }
    });
    x = net.relu("relu", net.batchNorm("bn1", x));
    net.linear("fc", net.globalAveragePool("pool", x), classes, { initialBias: "zero" });
  });
}

/** The network that a name of the form `wrn16-8` means, or null for another name. @throws InputError as `wideResnet`. */
export function wideResnetNamed(name: string): NetworkDefinition | null {
  const match = NAME.exec(name);
  return match === null ? null : wideResnet(Number(match[1]), Number(match[2]));
}

function preActivatedBlock(net: GraphBuilder, name: string, x: number, width: number, stride: number): number {
  const activated = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x));
  let y = net.conv(`${name}.conv1`, activated, width, { kernel: 3, stride, padding: 1, ...CONV });
  y = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, y));
  y = net.dropout(`${name}.dropout`, y, DROPOUT);
  y = net.conv(`${name}.conv2`, y, width, { kernel: 3, padding: 1, ...CONV });
  const shortcut =
    stride === 1 && net.channels(x) === width
      ? x
      : net.conv(`${name}.convShortcut`, activated, width, { kernel: 1, stride, ...CONV });
  return net.add(`${name}.add`, shortcut, y);
}
