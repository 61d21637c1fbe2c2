/** The networks by name. */
import { InputError, unknownName } from "../io/faults.ts";
import { densenet121 } from "./densenet121.ts";
import type { NetworkDefinition } from "./graph.ts";
import { lenet5 } from "./lenet5.ts";
import { mobilenetV2, mobilenetV2Imagenet } from "./mobilenet-v2.ts";
import { residualNetworks } from "./residual-network.ts";
import { vgg16 } from "./vgg16.ts";
import { wideResnet, wideResnetNamed } from "./wrn.ts";

/** All networks that ship with a name; `wrnD-W` of any depth and width is also accepted. */
export const networks: readonly NetworkDefinition[] = [
  ...residualNetworks,
  lenet5,
  vgg16,
  densenet121,
  mobilenetV2,
  mobilenetV2Imagenet,
  wideResnet(16, 8),
  wideResnet(28, 10),
];

/** @throws InputError for an unknown name, listing the known ones, and for a wide residual network of an impossible depth. */
export function networkNamed(name: string): NetworkDefinition {
  const found = networks.find((network) => network.name === name) ?? wideResnetNamed(name);
  if (found === null) {
    throw new InputError([unknownName("network", name, [...networks.map((network) => network.name), "wrnD-W"])]);
  }
  return found;
}
