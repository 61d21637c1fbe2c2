/** Errors about input that list every fault at once, and the check of a JSON value against a schema that makes them. */
import type { ErrorObject } from "ajv";
import { closest } from "fastest-levenshtein";
import { type Format, schemaFault } from "../core/format-versions.ts";
import { InputError } from "../core/input/input-error.ts";
import { MOST_FAULTS, MOST_LEVELS, MOST_VALUES } from "../core/input/limits.ts";
import type { Schema, Static } from "../core/input/schema.ts";
import { newAjv } from "./validators/compiler.ts";
import { VALIDATORS } from "./validators/entries.generated.ts";
import { addValidators, ajvModule, validatorOf } from "./validators/registry.ts";

export {
  allOf,
  faultCollector,
  faultsOf,
  fromThread,
  InputError,
  isInternal,
  reasonOf,
  refusing,
  within,
} from "../core/input/input-error.ts";
export { precompiled, useAjv } from "./validators/registry.ts";

addValidators(VALIDATORS);

/** `unknown thing, got "x"; did you mean "y"? known: …`: the ending of every error about a name. */
export function unknownName(what: string, got: string, known: readonly string[]): string {
  if (got.length > SHOWN_LENGTH)
    return `unknown ${what}, got "${got.slice(0, SHOWN_LENGTH)}…"; known: ${known.join(", ")}`;
  if (known.length === 0) return `unknown ${what}, got "${got}"; none is known`;
  return `unknown ${what}, got "${got}"; did you mean "${closest(got, [...known])}"? known: ${known.join(", ")}`;
}

/** How `checkSchema` reads a value. */
export interface CheckOptions {
  /** Unknown keys are faults, or are left out of the copy. */
  readonly unknownKeys?: "refuse" | "drop";
  /** Path of `value` in its file, for messages. */
  readonly path?: string;
  /** Whether `value` is nobody else's, so that it may be changed and returned. */
  readonly isOwn?: boolean;
}

/**
 * A deep copy of `value` with the schema's defaults filled in, or `value` itself where that is allowed.
 * @throws InputError with one line for each fault, each beginning with `where` and the path of the field.
 */
export function checkSchema<S extends Schema>(
  schema: S,
  value: unknown,
  where: string,
  { unknownKeys = "refuse", path = "", isOwn = false }: CheckOptions = {},
): Static<S> {
  checkExtent(value, where);
  const copy = isOwn ? value : structuredClone(value);
  const errors = unknownKeys === "drop" ? errorsWithoutUnknownKeys(schema, copy) : errorsOf(schema, copy);
  if (errors.length > 0) {
    const listed = errors.filter(({ keyword }) => keyword !== "if").slice(0, MOST_FAULTS + 1);
    throw new InputError([...new Set(listed.map((fault) => `${where}: ${describe(fault, copy, path)}`))]);
  }
  return copy as Static<S>;
}

/** Fills in defaults. */
function errorsOf(schema: Schema, value: unknown): readonly ErrorObject[] {
  const validate = validatorOf(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}

/** Deletes unknown keys until there are none: of many, a validator lists the first only. */
function errorsWithoutUnknownKeys(schema: Schema, value: unknown): readonly ErrorObject[] {
  for (;;) {
    const errors = errorsOf(schema, value);
    const unknown = errors.filter(({ keyword }) => keyword === "additionalProperties");
    if (unknown.length === 0) return errors;
    for (const { instancePath, params } of unknown) {
      delete (valueAt(value, partsOf(instancePath)) as Record<string, unknown>)[params.additionalProperty];
    }
  }
}

/**
 * @throws InputError for more levels or values than are read, as of what holds itself, and for keys that
 * all objects have, as `toString`.
 */
function checkExtent(value: unknown, where: string): void {
  const ways = [[value].values()];
  let values = 0;
  while (ways.length > 0) {
    const next = ways[ways.length - 1].next();
    if (next.done) {
      ways.pop();
      continue;
    }
    if (++values > MOST_VALUES) {
      throw new InputError([`${where}: holds too many values, got over ${MOST_VALUES}; valid: at most ${MOST_VALUES}`]);
    }
    const inner: unknown = next.value;
    if (typeof inner !== "object" || inner === null) continue;
    if (ways.length > MOST_LEVELS) {
      throw new InputError([
        `${where}: is nested too deeply, got over ${MOST_LEVELS} levels; valid: at most ${MOST_LEVELS}`,
      ]);
    }
    if (Array.isArray(inner)) ways.push(inner.values());
    else {
      const odd = Object.keys(inner).find((key) => key in Object.prototype);
      if (odd !== undefined) throw new InputError([`${where}: has the key "${odd}", which no field may have`]);
      ways.push(Object.values(inner).values());
    }
  }
}

/** @throws InputError where a file names in `$schema` a schema of this program that is of another format or version. */
export function checkNamedSchema(value: unknown, format: Format, where: string): void {
  const fault = schemaFault((value as { $schema?: unknown } | null | undefined)?.$schema, format);
  if (fault !== undefined) throw new InputError([`${where}: ${fault}`]);
}

/** @throws InputError where the version that a file states in `field` is none of those that are read. */
export function checkKnownVersion(value: unknown, field: string, known: readonly string[], where: string): void {
  if (typeof value !== "object" || value === null) return;
  const version: unknown = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
  if (typeof version === "string" && known.includes(version)) return;
  throw new InputError([`${where}: ${field}: unknown version, got ${shown(version)}; known: ${known.join(", ")}`]);
}

/** @throws InputError where a schema that is not of this program is no JSON Schema. */
export function checkIsSchema(schema: object, where: string): void {
  const ajv = newAjv(ajvModule());
  if (ajv.validateSchema(schema) === true) return;
  const faults = (ajv.errors ?? []).map(
    ({ instancePath, message }) => `${where}${instancePath.replaceAll("/", ".")}: ${message}`,
  );
  throw new InputError([...new Set(faults)]);
}

function describe(fault: ErrorObject, root: unknown, rootPath: string): string {
  const path = partsOf(fault.instancePath);
  const field = [rootPath, ...path].filter((part) => part !== "").join(".");
  const at = field === "" ? "" : `${field}: `;
  const value = valueAt(root, path);
  switch (fault.keyword) {
    case "additionalProperties":
      return `${at}${unknownName("key", String(fault.params.additionalProperty), fault.params.known)}`;
    case "required":
      return `${at}missing key "${fault.params.missingProperty}"`;
    case "enum":
      return `${at}${unknownValue(value, fault.params.allowedValues as unknown[])}`;
    case "const":
      return `${at}must be ${JSON.stringify(fault.params.allowedValue)}, got ${shown(value)}`;
    case "discriminator":
      return at + unknownTag(fault.params);
    case "minItems":
    case "maxItems": {
      const { limit } = fault.params;
      const bound = fault.keyword === "minItems" ? "least" : "most";
      return `${at}must have at ${bound} ${limit} ${limit === 1 ? "item" : "items"}, got ${shown(value)}`;
    }
    default:
      return `${at}${fault.message}, got ${shown(value)}`;
  }
}

function unknownValue(got: unknown, known: readonly unknown[]): string {
  if (typeof got === "string") return unknownName("value", got, known.map(String));
  return `unknown value, got ${shown(got)}; known: ${known.join(", ")}`;
}

/** The tag says which branch of a `oneOf` holds; known are the constants of the branches. */
function unknownTag({ tag, tagValue, known }: Readonly<Record<string, unknown>>): string {
  if (tagValue === undefined) return `missing key "${tag}"`;
  return typeof tagValue === "string"
    ? unknownName(String(tag), tagValue, known as string[])
    : `${tag} must be string, got ${shown(tagValue)}`;
}

const SHOWN_LENGTH = 60;

/** The start of a value as JSON; its type where it has no JSON. */
export function shown(value: unknown): string {
  try {
    const text = JSON.stringify(value) ?? (value === undefined ? "nothing" : typeof value);
    return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
  } catch {
    return typeof value;
  }
}

/** The keys of a JSON Pointer. */
function partsOf(pointer: string): string[] {
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], root);
}
