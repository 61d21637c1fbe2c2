/** The networks that the tables of the `swat` oracle name, in our words. */
import type { Network } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";

/** The network that `cifar.WRN-28-10/100` (data set, network, classes) means. Throws where there is no such network. */
export function networkOf(key: string): Network {
  const match = /^(cifar|imagenet)\.(.+)\/(\d+)$/.exec(key);
  if (match === null) throw new Error(`unknown form of a network's name, got "${key}"`);
  const [, dataset, name, classes] = match;
  const ours = name.toLowerCase().replace(/^wrn-/, "wrn") + (dataset === "imagenet" ? "-imagenet" : "");
  const definition = networkNamed(ours);
  return definition.build(definition.image, Number(classes));
}
