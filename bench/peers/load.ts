/**
 * Loads packages of `bench/peers/package.json`. They are installed apart from the project, or not at all, so that their
 * names appear only as data: type checking and the search for unused code do without them.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** How to install the packages. */
export const INSTALL = "npm install --prefix bench/peers";

/** The module of that name as a `T`, which is the part of it that the caller uses; null when it is not installed. */
export function loadPeer<T>(name: string): T | null {
  try {
    return require(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/** Path of a file or folder of an installed package. */
export function pathInPeer(name: string, path: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}
