/** The settings of a synthetic step that is to resemble a recorded one: what the manifest says of network, method and batch. */
import { InputError } from "../io/faults.ts";
import { networkNamed } from "../networks/index.ts";
import { METHODS } from "../sparsity/methods.ts";
import { isMacOp, type TraceManifest } from "../trace/manifest.ts";
import type { SyntheticOptions } from "./synthesize.ts";

/** What a recorded step and options have in common, `images` and `classes` included. */
export type LikeOptions = Pick<SyntheticOptions, "method" | "sparsity" | "batch" | "images" | "classes"> & {
  readonly network: string;
};

/**
 * The options of `manifest`, in which everything that `asked` gives wins. Image size and classes are those of the recorded network, and
 * so of no other.
 * @throws InputError that begins with `where` for a network or method that is not asked for and cannot be synthesized.
 */
export function optionsLike(manifest: TraceManifest, asked: Partial<LikeOptions>, where: string): LikeOptions {
  const faults: string[] = [];
  if (asked.network === undefined && !isNetwork(manifest.network)) {
    faults.push(`${where}: network: cannot be synthesized, got "${manifest.network}"; give the network`);
  }
  const { name, sparsity } = manifest.method;
  const method = asked.method ?? METHODS.find((known) => known === name);
  if (method === undefined) {
    faults.push(`${where}: method: cannot be synthesized, got "${name}"; give one of ${METHODS.join(", ")}`);
  }
  if (faults.length > 0 || method === undefined) throw new InputError(faults);
  const layers = manifest.ops.filter(isMacOp).filter(({ pass }) => pass === "forward");
  const [first, last] = [layers.at(0)?.geometry, layers.at(-1)?.geometry];
  const isSame = asked.network === undefined;
  return {
    network: manifest.network,
    method,
    // A method that is asked for beside a dense step keeps the default sparsity.
    ...(sparsity === undefined ? {} : { sparsity }),
    ...(first === undefined ? {} : { batch: first.N }),
    ...(isSame && first !== undefined ? { images: [first.C, first.H, first.W] as const } : {}),
    ...(isSame && last !== undefined ? { classes: last.K } : {}),
    ...asked,
  };
}

function isNetwork(name: string): boolean {
  try {
    networkNamed(name);
    return true;
  } catch {
    return false;
  }
}
