/** The WebAssembly modules that the build has made of `assembly/`, and whether this machine can run them. */
import { setFlagsFromString } from "node:v8";
import { InputError } from "../../../core/input/input-error.ts";
import { BYTES as RELAXED } from "./relaxed.wasm.ts";
import { BYTES as SIMD } from "./simd.wasm.ts";

/** WebAssembly builds of the kernels. */
export type ModuleName = "simd" | "relaxed";

const BYTES: Readonly<Record<ModuleName, string>> = { simd: SIMD, relaxed: RELAXED };
const modules = new Map<ModuleName, WebAssembly.Module | null>();

/** Whether this Node has the vector instructions of that build. */
export function isModuleSupported(name: ModuleName): boolean {
  return compile(name) !== null;
}

/** The compiled module of that name. @throws Error when it needs what this Node does not have. */
export function loadModule(name: ModuleName): WebAssembly.Module {
  const module = compile(name);
  if (module === null) {
    throw new InputError([
      `kernels: build "${name}" does not run here: Node ${process.version} lacks its vector instructions; valid: js`,
    ]);
  }
  return module;
}

/** Compiled once; null where it does not run. */
function compile(name: ModuleName): WebAssembly.Module | null {
  let module = modules.get(name);
  if (module === undefined) {
    // Relaxed SIMD is behind a flag in Node 20; newer releases have it on.
    if (name === "relaxed") setFlagsFromString("--experimental-wasm-relaxed-simd");
    try {
      module = new WebAssembly.Module(Buffer.from(BYTES[name], "base64"));
    } catch {
      module = null;
    }
    modules.set(name, module);
  }
  return module;
}
