/** Methods of training of the user's own, loaded from modules. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { checkIsSchema, InputError, reasonOf } from "../io/faults.ts";
import { arrayOf, checkArgument } from "../io/verb.ts";
import { addMaskMethod } from "../sparsity/masks/index.ts";
import type { MaskMethod } from "../sparsity/masks/mask-method.ts";
import { SHIPPED_METHODS } from "../sparsity/training-methods.ts";

const MEMBERS: Readonly<Record<string, string>> = {
  name: "string",
  options: "object",
  exemptions: "function",
  stepKind: "function",
  masksOf: "function",
};

/**
 * Makes the methods known that the modules at `paths` export as their default: code that runs with the rights of the caller.
 * @throws InputError with the faults of the first module that has any.
 */
export async function loadMethods(paths: readonly string[]): Promise<readonly MaskMethod[]> {
  const path = { what: "a path", is: (value: unknown) => typeof value === "string" && !value.includes("\0") };
  checkArgument("methodModules", paths, arrayOf("a list of paths", path));
  const methods: MaskMethod[] = [];
  for (const path of paths) {
    const module = (await import(pathToFileURL(resolve(path)).href).catch((cause: unknown) => {
      throw new InputError([`${path}: cannot be loaded: ${reasonOf(cause)}`], { cause });
    })) as { default?: unknown };
    const method = checkedMethod(module.default, path);
    addMaskMethod(method);
    methods.push(method);
  }
  return methods;
}

function checkedMethod(value: unknown, where: string): MaskMethod {
  const members = (value ?? {}) as Record<string, unknown>;
  const faults = Object.entries(MEMBERS)
    .filter(([name, type]) => typeof members[name] !== type)
    .map(([name, type]) => `${where}: default export: ${name} must be a ${type}, got ${typeof members[name]}`);
  if (faults.length > 0) throw new InputError(faults);
  if (SHIPPED_METHODS.includes(members.name as string)) {
    const fault = `${where}: default export: name: is that of another method, got "${members.name}"`;
    throw new InputError([`${fault}; valid: any but ${SHIPPED_METHODS.join(", ")}`]);
  }
  checkIsSchema(members.options as object, `${where}: default export: options`);
  return value as MaskMethod;
}
