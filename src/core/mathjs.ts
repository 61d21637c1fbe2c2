/** mathjs, for formulas that are more than plain arithmetic and for functions of its own, loaded when one is met. */
import type { MathJsInstance } from "mathjs";
import { onDemand } from "./on-demand.ts";

type Bundled = MathJsInstance & { create(config: object): MathJsInstance };

/** The build puts the one file of mathjs that is used beside its own. */
const BUILT_FILE = "../vendor/mathjs.cjs";
const PACKAGE_FILE = "mathjs/lib/browser/math.js";

let instance: MathJsInstance | undefined;

/**
 * An instance of our own: what other users of mathjs define in theirs is not seen here. Its one-file build loads ten times faster
 * than its 1,262 modules. @throws Error where nothing can be loaded on demand.
 */
export function mathjs(): MathJsInstance {
  const file = import.meta.url?.endsWith(".js") ? BUILT_FILE : PACKAGE_FILE;
  instance ??= onDemand<Bundled>(file)?.create({});
  if (instance === undefined) throw new Error("mathjs cannot be loaded here");
  return instance;
}
