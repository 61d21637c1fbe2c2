/** Schemas of the parameters of machines, each with what applies where none is given and what it means. */
import { Type } from "../../core/input/schema.ts";

/** A whole number within bounds, which are included; required where there is no `fallback`. */
export function integer([minimum, maximum]: readonly [number, number], description: string, fallback?: number) {
  return Type.Integer({ minimum, maximum, ...(fallback === undefined ? {} : { default: fallback }), description });
}

/** One of several words. */
export function choice<const Words extends string[]>(
  words: readonly [...Words],
  fallback: Words[number],
  description: string,
) {
  return Type.Enum(words, { default: fallback, description });
}

/** How many arrays of a kind a machine has: 1 where a config says nothing. */
export function arraysParam(description: string) {
  return Type.Optional(integer([1, 4096], description, 1));
}
