/** Errors about input that list every fault at once, and the check of a JSON value against a schema that makes them. */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { closest } from "fastest-levenshtein";
import type { Static, TSchema } from "typebox";

/** One or more faults of an input, one line each: `<where>: <what is wrong>, got <value>; known: …`. */
export class InputError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[], options?: ErrorOptions) {
    const lines = faults.map(oneLine);
    super(lines.join("\n"), options);
    this.name = "InputError";
    this.faults = lines;
  }
}

/** The lines of an error: all of an InputError's, one of any other. */
export function faultsOf(error: unknown): readonly string[] {
  if (error instanceof InputError) return error.faults;
  return [oneLine(error instanceof Error ? error.message : String(error))];
}

/** Runs steps that may fail and keeps the faults of all of them, to be told at once. */
export function faultCollector(): {
  readonly faults: string[];
  /** What `action` gives; undefined, with its faults kept, where it throws. */
  readonly attempt: <T>(action: () => T) => T | undefined;
} {
  const faults: string[] = [];
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      faults.push(...faultsOf(error));
      return undefined;
    }
  };
  return { faults, attempt };
}

/** `text` with its control characters escaped: names come from files and may hold line ends or worse. */
export function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `unknown thing, got "x"; did you mean "y"? known: …`: the ending of every error about a name. */
export function unknownName(what: string, got: string, known: readonly string[]): string {
  if (known.length === 0) return `unknown ${what}, got "${got}"; none is known`;
  return `unknown ${what}, got "${got}"; did you mean "${closest(got, [...known])}"? known: ${known.join(", ")}`;
}

const SETTINGS = {
  allErrors: true,
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
const checkers = {
  refuse: { ajv: new Ajv(SETTINGS), compiled: new WeakMap<object, ValidateFunction>() },
  drop: { ajv: new Ajv({ ...SETTINGS, removeAdditional: true }), compiled: new WeakMap<object, ValidateFunction>() },
};

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
  const { ajv, compiled } = checkers[unknownKeys];
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  const copy = structuredClone(value);
  if (!validate(copy)) {
    const faults = (validate.errors ?? []).filter(({ keyword }) => keyword !== "if");
    throw new InputError([...new Set(faults.map((fault) => `${where}: ${describe(fault, copy, path)}`))]);
  }
  return copy as Static<Schema>;
}

/** @throws InputError where a schema that is not of this program is no JSON Schema. */
export function checkIsSchema(schema: object, where: string): void {
  const { ajv } = checkers.refuse;
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
      return `${at}${unknownName("value", String(value), (fault.params.allowedValues as unknown[]).map(String))}`;
    case "const":
      return `${at}must be ${JSON.stringify(fault.params.allowedValue)}, got ${show(value)}`;
    case "discriminator":
      return at + unknownTag(fault);
    case "minItems":
    case "maxItems": {
      const { limit } = fault.params;
      const bound = fault.keyword === "minItems" ? "least" : "most";
      return `${at}must have at ${bound} ${limit} ${limit === 1 ? "item" : "items"}, got ${show(value)}`;
    }
    default:
      return `${at}${fault.message}, got ${show(value)}`;
  }
}

/** The tag says which branch of a `oneOf` holds; known are the constants of the branches. */
function unknownTag({ params: { tag, tagValue }, parentSchema }: ErrorObject): string {
  if (tagValue === undefined) return `missing key "${tag}"`;
  const branches = (parentSchema?.oneOf ?? []) as { properties: Record<string, { const?: unknown }> }[];
  const known = branches.map(({ properties }) => String(properties[tag].const));
  return typeof tagValue === "string"
    ? unknownName(tag, tagValue, known)
    : `${tag} must be string, got ${show(tagValue)}`;
}

const SHOWN_LENGTH = 60;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
