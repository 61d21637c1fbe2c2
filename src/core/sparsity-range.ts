/** Which sparsities there are, for schemas and for functions that are called with numbers. */
import { InputError } from "./input/input-error.ts";

/** 0 ≤ s < 1, in the words of JSON Schema: a mask without an element is undefined. */
export const SPARSITY_RANGE = { minimum: 0, exclusiveMaximum: 1 } as const;

/** @throws InputError for a number that is no sparsity. */
export function checkSparsity(sparsity: number): void {
  const { minimum, exclusiveMaximum } = SPARSITY_RANGE;
  if (sparsity >= minimum && sparsity < exclusiveMaximum) return;
  throw new InputError([`sparsity: must be at least ${minimum} and below ${exclusiveMaximum}, got ${sparsity}`]);
}
