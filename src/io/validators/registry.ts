/**
 * Validators of schemas. Those of this program's own are generated when it is built (`npm run build:validators`) and found by the
 * content of the schema, so that one which was changed since is compiled anew rather than checked by what it was; so are those of
 * users' modules.
 */
import type { ErrorObject } from "ajv";
import type { Schema } from "../../core/input/schema.ts";
import { onDemand } from "../../core/on-demand.ts";
import { asCompiled, newAjv } from "./compiler.ts";

type AjvModule = typeof import("ajv");

/** Whether a value, in which defaults are filled in, is valid; else its errors. */
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly ErrorObject[] | null;
}

/** Validators by `keyOf` their schemas. */
export type ValidatorTable = Readonly<Record<string, Validator>>;

const tables: ValidatorTable[] = [];
const known = new WeakMap<object, Validator>();
/** Schemas whose validators are generated, in the order of the modules that check them. */
export const precompiledSchemas: Schema[] = [];

/** Says that the validators of these schemas are to be generated. */
export function precompiled(...schemas: readonly Schema[]): void {
  precompiledSchemas.push(...schemas);
}

/** Adds validators that were generated. */
export function addValidators(table: ValidatorTable): void {
  tables.push(table);
}

/** Whether the validator of a schema was generated. */
export function isGenerated(schema: Schema): boolean {
  return generated(schema) !== undefined;
}

/** The validator of a schema, which is compiled at most once. */
export function validatorOf(schema: Schema): Validator {
  const validator = known.get(schema) ?? generated(schema) ?? newAjv(ajvModule()).compile(asCompiled(schema) as object);
  known.set(schema, validator);
  return validator as Validator;
}

function generated(schema: Schema): Validator | undefined {
  const key = keyOf(schema);
  return tables.find((table) => Object.hasOwn(table, key))?.[key];
}

let given: AjvModule | undefined;

/** Takes ajv from a page that brings machines of its own, as browsers load nothing on demand. */
export function useAjv(module: AjvModule): void {
  given = module;
}

/** @throws Error where it is neither given nor can be loaded. */
export function ajvModule(): AjvModule {
  const module = given ?? onDemand<AjvModule>("ajv");
  if (module === undefined)
    throw new Error("schemas of modules that are no part of swat-sim need ajv: give it to useAjv()");
  return module;
}

/** Hash of a schema's content, FNV-1a in two halves. */
export function keyOf(schema: Schema): string {
  let [low, high] = [0x811c9dc5, 0x01000193];
  const text = JSON.stringify(schema);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
  }
  return [low, high].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
