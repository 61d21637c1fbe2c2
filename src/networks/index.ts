/** The networks by name. */
import { InputError, unknownName } from "../io/faults.ts";
import { densenet121 } from "./densenet121.ts";
import type { NetworkDefinition } from "./graph.ts";
import { lenet5 } from "./lenet5.ts";
import { resnet8 } from "./resnet8.ts";
import { resnet18 } from "./resnet18.ts";
import { resnet20 } from "./resnet20.ts";
import { resnet34 } from "./resnet34.ts";
import { resnet50 } from "./resnet50.ts";
import { resnet50Imagenet } from "./resnet50-imagenet.ts";
import { resnet101 } from "./resnet101.ts";
import { vgg16 } from "./vgg16.ts";
import { wideResnet, wideResnetNamed } from "./wrn.ts";
import { wrn50x2Imagenet } from "./wrn50-2-imagenet.ts";

/** All networks that ship with a name; `wrnD-W` of any depth and width is also accepted. */
export const networks: readonly NetworkDefinition[] = [
  resnet8,
  lenet5,
  resnet20,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  vgg16,
  densenet121,
  wideResnet(16, 8),
  wideResnet(28, 10),
  resnet50Imagenet,
  wrn50x2Imagenet,
];

/** @throws InputError for an unknown name, listing the known ones, and for a wide residual network of an impossible depth. */
export function networkNamed(name: string): NetworkDefinition {
  const found = networks.find((network) => network.name === name) ?? wideResnetNamed(name);
  if (found === null) {
    throw new InputError([unknownName("network", name, [...networks.map((network) => network.name), "wrnD-W"])]);
  }
  return found;
}
