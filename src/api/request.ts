/** Checks what a program gives to a verb of the library, as files are checked: options may come from JavaScript, where nobody checks types. */
import type { ObjectSchema } from "../core/input/schema.ts";
import { checkSchema, faultCollector, InputError, refusing, shown } from "../io/faults.ts";

/** Options that are not data. */
export type Hook = "onProgress" | "onWarning" | "signal";

const HOOKS: Readonly<Record<Hook, (value: unknown) => boolean>> = {
  onProgress: (value) => typeof value === "function",
  onWarning: (value) => typeof value === "function",
  signal: (value) => value instanceof AbortSignal,
};

/** Fields that accept opened values, and the parts by which these are recognised. */
const OPENED: Readonly<Record<string, readonly string[]>> = {
  ...{ traces: ["trace", "masks"], baselineTraces: ["trace", "masks"] },
  ...{ machines: ["accelerator"], baseline: ["accelerator"] },
};

/**
 * Checks options against the schema of their data; what is opened already counts as its name.
 * @throws InputError with a line for each fault, beginning with `verb`.
 */
export function checkOptions(schema: ObjectSchema, options: unknown, verb: string): void {
  refusing(verb, () => checkData(schema, options, verb));
}

function checkData(schema: ObjectSchema, options: unknown, verb: string): void {
  const { faults, attempt } = faultCollector();
  const data: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options ?? {})) {
    if (!Object.hasOwn(HOOKS, key)) data[key] = dataOf(value, OPENED[key] ?? []);
    else faults.push(...hookFault(key, value, verb));
  }
  attempt(() => checkSchema(schema, isRecord(options) ? data : options, verb));
  if (faults.length > 0) throw new InputError(faults);
}

/** @throws InputError for hooks that are none, beginning with `verb`. */
export function checkHooks(hooks: unknown, verb: string): void {
  refusing(verb, () => {
    if (!isRecord(hooks)) throw new InputError([`${verb}: hooks must be an object, got ${shown(hooks)}`]);
    const faults = Object.entries(hooks).flatMap(([key, value]) => hookFault(key, value, verb));
    if (faults.length > 0) throw new InputError(faults);
  });
}

function hookFault(key: string, value: unknown, verb: string): string[] {
  if (value === undefined || !Object.hasOwn(HOOKS, key) || HOOKS[key as Hook](value)) return [];
  return [`${verb}: ${key}: must be ${key === "signal" ? "an AbortSignal" : "a function"}, got ${typeof value}`];
}

/** What is opened already by a name, all else as it is; null for what no data can be, as a function or what holds itself. */
function dataOf(value: unknown, parts: readonly string[], around: readonly unknown[] = []): unknown {
  if (typeof value === "function" || around.includes(value)) return null;
  if (Array.isArray(value)) return value.map((item) => dataOf(item, parts, [...around, value]));
  if (!isRecord(value)) return value;
  if (parts.some((part) => isRecord(value[part]))) return "opened";
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, dataOf(inner, [], [...around, value])]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
