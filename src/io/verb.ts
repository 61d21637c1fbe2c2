/** Verbs of the library that refuse arguments that they cannot read, as programs in JavaScript may give them. */
import { InputError, refusing, shown } from "./faults.ts";

/** What an argument has to be, in words and as a test. */
export interface Expected {
  readonly what: string;
  is(value: unknown): boolean;
}

/** An object that has an object, an array or a function in each of `keys`. */
export function objectWith(what: string, ...keys: readonly string[]): Expected {
  return { what, is: (value) => isObject(value) && keys.every((key) => isObject(value[key])) };
}

/** An array of such. */
export function arrayOf(what: string, { is }: Expected): Expected {
  return { what, is: (value) => Array.isArray(value) && value.every(is) };
}

/** @throws InputError where `value` is something else. */
export function checkArgument(where: string, value: unknown, { what, is }: Expected): void {
  if (!refusing(where, () => is(value))) throw new InputError([`${where}: must be ${what}, got ${shown(value)}`]);
}

/** A pure function `call` that checks its arguments, from the first on, and throws an InputError for whatever else it cannot read. */
export function verb<Call extends (...args: never[]) => unknown>(
  name: string,
  call: Call,
  ...expected: readonly Expected[]
): Call {
  const checked = (...args: never[]) => {
    for (const [index, each] of expected.entries()) checkArgument(`${name}: argument ${index + 1}`, args[index], each);
    return refusing(name, () => call(...args));
  };
  return checked as Call;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
