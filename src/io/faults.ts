/** Errors about input that list every fault at once, and the check of a JSON value against a schema that makes them. */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { closest } from "fastest-levenshtein";
import type { Static, TSchema } from "typebox";
import { type Format, schemaFault } from "../core/format-versions.ts";
import { InputError } from "../core/input/input-error.ts";
import { MOST_FAULTS, MOST_LEVELS, MOST_VALUES } from "../core/input/limits.ts";

export {
  allOf,
  faultCollector,
  faultsOf,
  fromThread,
  InputError,
  isInternal,
  reasonOf,
  refusing,
} from "../core/input/input-error.ts";

/** `unknown thing, got "x"; did you mean "y"? known: …`: the ending of every error about a name. */
export function unknownName(what: string, got: string, known: readonly string[]): string {
  if (got.length > SHOWN_LENGTH)
    return `unknown ${what}, got "${got.slice(0, SHOWN_LENGTH)}…"; known: ${known.join(", ")}`;
  if (known.length === 0) return `unknown ${what}, got "${got}"; none is known`;
  return `unknown ${what}, got "${got}"; did you mean "${closest(got, [...known])}"? known: ${known.join(", ")}`;
}

const SETTINGS = {
  verbose: true,
  useDefaults: true,
  discriminator: true,
  strict: true,
  allowUnionTypes: true,
  // Compiling takes longer than all that is checked: schemas of this program are right by their types.
  validateSchema: false,
  inlineRefs: false,
  code: { optimize: false },
};

/** Compiles each schema once. */
function compiler(settings: object): (schema: TSchema) => ValidateFunction {
  const ajv = new Ajv({ ...SETTINGS, ...settings });
  const compiled = new WeakMap<object, ValidateFunction>();
  return (schema) => {
    const known = compiled.get(schema) ?? ajv.compile(withSafeIntegers(schema) as TSchema);
    compiled.set(schema, known);
    return known;
  };
}

/** A copy of a schema in which integers without a maximum are those that a double counts exactly. */
function withSafeIntegers(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withSafeIntegers);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withSafeIntegers(value)]));
  return copy.type === "integer"
    ? { maximum: Number.MAX_SAFE_INTEGER, minimum: -Number.MAX_SAFE_INTEGER, ...copy }
    : copy;
}

/** The first fault of a value, or all of them: of a large one that may be millions. */
const checkers = {
  refuse: { first: compiler({}), all: compiler({ allErrors: true }) },
  drop: { first: compiler({ removeAdditional: true }), all: compiler({ allErrors: true, removeAdditional: true }) },
};
/** Values up to which all faults are looked for. */
const MOST_VALUES_FOR_ALL = 1e5;

/** How `checkSchema` reads a value. */
export interface CheckOptions {
  /** Unknown keys are faults, or are left out of the copy. */
  readonly unknownKeys?: "refuse" | "drop";
  /** Path of `value` in its file, for messages. */
  readonly path?: string;
}

/**
 * A deep copy of `value` with the schema's defaults filled in.
 * @throws InputError with one line for each fault, each beginning with `where` and the path of the field.
 */
export function checkSchema<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  where: string,
  { unknownKeys = "refuse", path = "" }: CheckOptions = {},
): Static<Schema> {
  const values = checkExtent(value, where);
  const { first, all } = checkers[unknownKeys];
  const copy = structuredClone(value);
  const validate = first(schema);
  if (!validate(copy)) {
    const isLarge = values > MOST_VALUES_FOR_ALL;
    const [faults, seen] = isLarge ? [validate.errors ?? [], copy] : allFaults(all(schema), value);
    const told = faults.filter(({ keyword }) => keyword !== "if").slice(0, MOST_FAULTS + 1);
    throw new InputError([...new Set(told.map((fault) => `${where}: ${describe(fault, seen, path)}`))]);
  }
  return copy as Static<Schema>;
}

function allFaults(validate: ValidateFunction, value: unknown): [readonly ErrorObject[], unknown] {
  const copy = structuredClone(value);
  validate(copy);
  return [validate.errors ?? [], copy];
}

/**
 * How many values `value` holds. @throws InputError for more levels or values than are read, as of what holds itself, and for keys that
 * all objects have, as `toString`.
 */
function checkExtent(value: unknown, where: string): number {
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
  return values;
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
  const ajv = new Ajv(SETTINGS);
  if (ajv.validateSchema(schema) === true) return;
  const faults = (ajv.errors ?? []).map(
    ({ instancePath, message }) => `${where}${instancePath.replaceAll("/", ".")}: ${message}`,
  );
  throw new InputError([...new Set(faults)]);
}

function describe(fault: ErrorObject, root: unknown, rootPath: string): string {
  const path = fault.instancePath.split("/").slice(1).map(unescapePointer);
  const field = [rootPath, ...path].filter((part) => part !== "").join(".");
  const at = field === "" ? "" : `${field}: `;
  const value = path.reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], root);
  switch (fault.keyword) {
    case "additionalProperties": {
      const key = String(fault.params.additionalProperty);
      const known = Object.keys((fault.parentSchema?.properties as object | undefined) ?? {});
      return `${at}${unknownName("key", key, known)}`;
    }
    case "required":
      return `${at}missing key "${fault.params.missingProperty}"`;
    case "enum":
      return `${at}${unknownValue(value, fault.params.allowedValues as unknown[])}`;
    case "const":
      return `${at}must be ${JSON.stringify(fault.params.allowedValue)}, got ${shown(value)}`;
    case "discriminator":
      return at + unknownTag(fault);
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
function unknownTag({ params: { tag, tagValue }, parentSchema }: ErrorObject): string {
  if (tagValue === undefined) return `missing key "${tag}"`;
  const branches = (parentSchema?.oneOf ?? []) as { properties: Record<string, { const?: unknown }> }[];
  const known = branches.map(({ properties }) => String(properties[tag].const));
  return typeof tagValue === "string"
    ? unknownName(tag, tagValue, known)
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

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
