/** Options that choose a method of training, its own options, and modules with methods of the user. */
import { type Command, InvalidArgumentError } from "commander";
import { loadMethods } from "../../api/method-modules.ts";
import { maskMethods } from "../../sparsity/masks/index.ts";
import { patternOf } from "../../sparsity/masks/nm.ts";
import { PRUNINGS } from "../../sparsity/structured.ts";
import { trainingMethods } from "../../sparsity/training-methods.ts";

/** Values by key, as `--method-option` collects them. */
export type MethodOptions = Record<string, unknown>;

/** Option of the commands that train. */
export const METHOD_MODULE = ["--method-module <module...>", "modules with methods of your own (.js)"] as [
  string,
  string,
];

/** What `--method` may be. */
export function methodNames(): string {
  return trainingMethods().join(", ");
}

/** Loads the modules, whose only method becomes the default; ends in a usage error where the method is none that is known. */
export async function chooseMethod(
  options: { method: string; methodModule?: string[] },
  command: Command,
): Promise<void> {
  const added = await loadMethods(options.methodModule ?? []);
  if (added.length === 1 && command.getOptionValueSource("method") !== "cli") {
    command.setOptionValueWithSource("method", added[0].name, "cli");
    options.method = added[0].name;
  }
  if (!trainingMethods().includes(options.method)) {
    command.error(
      `error: option '--method <name>' argument '${options.method}' is invalid. known: ${methodNames()}, or give its module.`,
    );
  }
}

/** Parser of `key=value`, of any number of them; values are numbers, true, false, or text. */
export function methodOption(text: string, before: MethodOptions = {}): MethodOptions {
  const [, key, value] = /^(\w+)=(.+)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("valid: key=value, as period=4.");
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`valid: each once, got ${key} twice.`);
  return { ...before, [key]: optionValue(value) };
}

function optionValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** Parser of a way of pruning. */
export function pruning(text: string): string {
  if (PRUNINGS.some((one) => one === text) || patternOf(text) !== undefined) return text;
  throw new InvalidArgumentError(`known: ${PRUNINGS.join(", ")}, or N:M with N less than M, as 2:4.`);
}

/** The options of every shipped method of masks, a line each. */
export function methodOptionsHelp(): string {
  const lines = maskMethods().flatMap(({ name, options }) => {
    const { properties } = options as unknown as {
      properties: Record<string, { default?: unknown; description?: string }>;
    };
    return Object.entries(properties).map(([key, { default: value, description }]) => {
      const byDefault = value === undefined ? "" : ` (default ${value})`;
      return `  ${name.padEnd(8)} ${key.padEnd(17)} ${description}${byDefault}`;
    });
  });
  return lines.join("\n");
}
