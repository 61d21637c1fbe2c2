/** Choice of a kernel build by name. The name comes from the caller: nothing here reads the environment. */
import { jsKernels } from "./js/index.ts";
import type { Kernels } from "./kernels.ts";
import { referenceKernels } from "./reference/index.ts";

const builds: readonly Kernels[] = [referenceKernels, jsKernels];

/** The build of that name, "js" if none is given. Throws for an unknown name. */
export function selectKernels(name = "js"): Kernels {
  const build = builds.find((candidate) => candidate.name === name);
  if (build === undefined) {
    const known = builds.map((candidate) => candidate.name).join(", ");
    throw new Error(`SWAT_SIM_KERNELS: unknown kernel build, got "${name}"; known: ${known}`);
  }
  return build;
}
