/** Choice of a kernel build by name. The name comes from the caller: nothing here reads the environment. */

import { availableParallelism } from "node:os";
import { InputError } from "../core/input/input-error.ts";
import { usefulThreads } from "../core/threads.ts";
import type { Backend } from "./backend.ts";
import { jsKernels } from "./js/index.ts";
import { BUILD_NAMES, type BuildName } from "./kernels.ts";
import { plainBackend } from "./plain.ts";
import { referenceKernels } from "./reference/index.ts";
import { createSimdBackend } from "./wasm/backend.ts";
import { isModuleSupported } from "./wasm/run/module.ts";
import { createRunner } from "./wasm/run/runner.ts";

/** The fastest build that rounds the same way on every machine: `simd`, or `js` where there is no WebAssembly SIMD. */
export function defaultBuild(): BuildName {
  return isModuleSupported("simd") ? "simd" : "js";
}

/** Whether this machine can run a build. */
export function isSupported(name: BuildName): boolean {
  return name === "reference" || name === "js" || isModuleSupported(name);
}

/**
 * A backend of the build of that name, with memory and threads of its own; plain builds have one thread.
 * @throws Error for an unknown name, or a build that this machine cannot run.
 */
export function createBackend(name: string = defaultBuild(), threads: number = availableParallelism()): Backend {
  switch (name) {
    case "reference":
      return plainBackend(referenceKernels);
    case "js":
      return plainBackend(jsKernels);
    case "simd":
    case "relaxed":
      return createSimdBackend(createRunner(name, usefulThreads(threads, availableParallelism())));
    default:
      throw new InputError([`kernels: unknown kernel build, got "${name}"; known: ${BUILD_NAMES.join(", ")}`]);
  }
}
