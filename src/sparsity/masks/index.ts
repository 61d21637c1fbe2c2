/** The methods that train with masks: those that ship with the program, and those that a program or a user adds. */
import type { MaskMethod } from "./mask-method.ts";
import { nm } from "./nm.ts";
import { rigl } from "./rigl.ts";
import { topkast } from "./topkast.ts";

/** Those that ship. */
export const SHIPPED_MASK_METHODS: readonly MaskMethod[] = [nm, rigl, topkast];
const added = new Map<string, MaskMethod>();

/** All of them. */
export function maskMethods(): readonly MaskMethod[] {
  return [...SHIPPED_MASK_METHODS, ...added.values()];
}

/** The method of this name; undefined where none with masks has it. */
export function maskMethodNamed(name: string): MaskMethod | undefined {
  return maskMethods().find((method) => method.name === name);
}

/** Makes a method known by its name, which no method that ships may have; another that was added is replaced. */
export function addMaskMethod(method: MaskMethod): void {
  added.set(method.name, method);
}
