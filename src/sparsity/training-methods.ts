/** Every method of training by its name: those that drop operands by top-k (methods.ts) and those of masks (masks/). */
import { maskMethodNamed, maskMethods, SHIPPED_MASK_METHODS } from "./masks/index.ts";
import { METHODS, type Method, PUBLISHED_EXEMPTIONS } from "./methods.ts";
import { type Drop, SWAT_DROPS } from "./operand-masking.ts";
import type { Exemptions } from "./uniform.ts";

/**
 * Drops output gradients alone, as meProp does of each example (Sun et al. 2017, "meProp: Sparsified Back Propagation for
 * Accelerated Deep Learning with Reduced Overfitting"); here the largest of a mini-batch are kept.
 */
const MEPROP = "meprop";
const MEPROP_DROPS: readonly Drop[] = ["outputGrad:backward"];

/** Names that no method of the user may have. */
export const SHIPPED_METHODS: readonly string[] = [...METHODS, MEPROP, ...SHIPPED_MASK_METHODS.map(({ name }) => name)];

/** Names of all methods. */
export function trainingMethods(): readonly string[] {
  return [...METHODS, MEPROP, ...maskMethods().map(({ name }) => name)];
}

/** Which layers a method keeps dense where nothing else is asked for. */
export function exemptionsOf(method: string, options: Readonly<Record<string, unknown>> = {}): Exemptions {
  return maskMethodNamed(method)?.exemptions(options) ?? PUBLISHED_EXEMPTIONS[topKMethod(method)];
}

/** What a method of top-k drops where nothing else is asked for. */
export function dropsOf(method: string): readonly Drop[] {
  return method === MEPROP ? MEPROP_DROPS : SWAT_DROPS;
}

/** The method of methods.ts whose sparsities a method of top-k has. */
export function topKMethod(method: string): Method {
  return method === MEPROP ? "swat-u" : (method as Method);
}
