/** The networks by name. */
import { unknownName } from "../io/faults.ts";
import type { NetworkDefinition } from "./graph.ts";
import { lenet5 } from "./lenet5.ts";
import { resnet8 } from "./resnet8.ts";

/** All networks that can be named. */
export const networks: readonly NetworkDefinition[] = [resnet8, lenet5];

/** @throws Error for an unknown name, listing the known ones. */
export function networkNamed(name: string): NetworkDefinition {
  const found = networks.find((network) => network.name === name);
  if (found === undefined) {
    throw new Error(
      unknownName(
        "network",
        name,
        networks.map((network) => network.name),
      ),
    );
  }
  return found;
}
