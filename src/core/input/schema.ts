/**
 * JSON Schemas with the TypeScript type of what they accept: one declaration is the schema that is published and checked and the
 * type that the program works with. Each function returns the plain schema; the type exists at compile time only.
 */

/** A JSON Schema of values of one type. */
export type Schema<Value = unknown> = object & { readonly "~static"?: Value };

/** The type of the values that a schema accepts. */
export type Static<S extends Schema> = S extends { readonly "~static"?: infer Value } ? Value : never;

/** Keywords that a schema has beside those of its type. */
interface Keywords {
  readonly description?: string;
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

type Properties = Readonly<Record<string, Schema>>;
type OptionalSchema = { readonly "~optional": true };
type OptionalKeys<P extends Properties> = {
  [Key in keyof P]: P[Key] extends OptionalSchema ? Key : never;
}[keyof P];
type Flat<T> = { [Key in keyof T]: T[Key] };
type StaticProperties<P extends Properties> = Flat<
  { [Key in Exclude<keyof P, OptionalKeys<P>>]: Static<P[Key]> } & { [Key in OptionalKeys<P>]?: Static<P[Key]> }
>;

/** Schema of an object, with those of its fields. */
export type ObjectSchema<P extends Properties = Properties> = Schema<StaticProperties<P>> & { readonly properties: P };
type EnumSchema<Word> = Schema<Word> & { readonly enum: readonly Word[] };
type UnionSchema<Branches extends readonly Schema[]> = Schema<Static<Branches[number]>> & { readonly anyOf: Branches };
type StaticItems<Items extends readonly Schema[]> = { -readonly [Index in keyof Items]: Static<Items[Index]> };

/** Copies that are optional fields of an object: nothing of the schema itself says so. */
const optional = new WeakSet<object>();

function object<P extends Properties>(properties: P, keywords?: Keywords): ObjectSchema<P> {
  const required = Object.keys(properties).filter((key) => !optional.has(properties[key]));
  const schema = { type: "object", ...(required.length === 0 ? {} : { required }), properties, ...keywords };
  return schema as ObjectSchema<P>;
}

function makeOptional<S extends Schema>(schema: S): S & OptionalSchema {
  const copy = { ...schema } as S & OptionalSchema;
  optional.add(copy);
  return copy;
}

function array<Item extends Schema>(items: Item, keywords?: Keywords): Schema<Static<Item>[]> {
  return { type: "array", items, ...keywords } as object;
}

function tuple<const Items extends readonly Schema[]>(items: Items, keywords?: Keywords): Schema<StaticItems<Items>> {
  return { type: "array", additionalItems: false, items, minItems: items.length, ...keywords } as object;
}

function record<Value extends Schema>(values: Value, keywords?: Keywords): Schema<Record<string, Static<Value>>> {
  return { type: "object", patternProperties: { "^.*$": values }, ...keywords } as object;
}

function union<const Branches extends readonly Schema[]>(anyOf: Branches, keywords?: Keywords): UnionSchema<Branches> {
  return { anyOf, ...keywords };
}

function words<const Word extends string>(known: readonly Word[], keywords?: Keywords): EnumSchema<Word> {
  return { enum: known, ...keywords };
}

function literal<const Value extends string | number>(value: Value): Schema<Value> {
  return { type: typeof value, const: value } as object;
}

const ofType =
  <Value>(type: string) =>
  (keywords?: Keywords): Schema<Value> =>
    ({ type, ...keywords }) as object;

/** Constructors of schemas. */
export const Type = {
  String: ofType<string>("string"),
  Number: ofType<number>("number"),
  Integer: ofType<number>("integer"),
  Boolean: ofType<boolean>("boolean"),
  Null: ofType<null>("null"),
  Unknown: (keywords?: Keywords): Schema<unknown> => ({ ...keywords }),
  /** A schema of keywords that no function here writes. */
  Unsafe: <Value>(keywords: Keywords): Schema<Value> => keywords,
  Literal: literal,
  Enum: words,
  Array: array,
  Tuple: tuple,
  Union: union,
  Object: object,
  /** An object whose fields may have any names. */
  Record: record,
  /** A field that an object may leave out. */
  Optional: makeOptional,
};

/** The same fields, all of which an object may leave out. */
export function optionalFields<P extends Properties>(fields: P): { [Key in keyof P]: P[Key] & OptionalSchema } {
  const copies = Object.entries(fields).map(([key, schema]) => [key, makeOptional(schema)]);
  return Object.fromEntries(copies) as { [Key in keyof P]: P[Key] & OptionalSchema };
}

/** Fields of these names, each with the same schema. */
export function fieldsOf<Name extends string, S extends Schema>(names: readonly Name[], schema: S): Record<Name, S> {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<Name, S>;
}
