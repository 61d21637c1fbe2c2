/** ajv as this program sets it up, to generate validators at build time and to compile the schemas of users' modules. */
import type { Ajv, KeywordErrorDefinition } from "ajv";

type AjvModule = typeof import("ajv");

/** Errors of one value that are kept. */
const MOST_ERRORS = 1e5;

/** A compiler of schemas. */
export function newAjv({ Ajv, _, stringify }: AjvModule, options: object = {}): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    discriminator: true,
    strict: true,
    allowUnionTypes: true,
    // Schemas of this program are right by their types; others are checked before.
    validateSchema: false,
    inlineRefs: false,
    code: { optimize: false, process: withBoundedErrors },
    ...options,
  });
  // Messages name what would be valid, which ajv itself keeps only together with the whole schema.
  setParams(ajv, "additionalProperties", ({ params, parentSchema }) => {
    const known = Object.keys(parentSchema?.properties ?? {});
    return _`{additionalProperty: ${params.additionalProperty}, known: ${stringify(known)}}`;
  });
  setParams(ajv, "discriminator", ({ params: { tag, tagName }, parentSchema }) => {
    const branches = (parentSchema?.oneOf ?? []) as { properties?: Record<string, { const?: unknown }> }[];
    const known = branches.map(({ properties }) => properties?.[String(tagName)]?.const);
    return _`{tag: ${tagName}, tagValue: ${tag}, known: ${stringify(known)}}`;
  });
  return ajv;
}

function setParams(ajv: Ajv, keyword: string, params: NonNullable<KeywordErrorDefinition["params"]>): void {
  const definition = ajv.getKeyword(keyword) as { error: KeywordErrorDefinition };
  definition.error = { ...definition.error, params };
}

/**
 * Code of a validator that keeps its first errors only: of a large value there may be millions. All are counted, which is how
 * ajv tells whether a branch holds. @throws Error where the code does something else with errors than is known of ajv.
 */
export function withBoundedErrors(code: string): string {
  const push = (error: string) => `vErrors.length < ${MOST_ERRORS} && vErrors.push(${error})`;
  const bounded = code
    .replaceAll(/vErrors\.push\((\w+)\)/g, push("$1"))
    .replaceAll(
      /vErrors = vErrors === null \? ([\w.]+)\.errors : vErrors\.concat\(\1\.errors\);\s*errors = vErrors\.length;/g,
      `vErrors ??= []; errors += $1.errors.length; for (const error of $1.errors) ${push("error")};`,
    )
    .replaceAll(/vErrors\.length = (\w+);/g, "vErrors.length = Math.min($1, vErrors.length);");
  const [unknown] =
    /vErrors\.(?!length = Math\.min|length\);|length < |push\(\w+\)).{0,40}|(?<!\.)errors = vErrors.{0,40}/.exec(
      bounded,
    ) ?? [];
  if (unknown !== undefined) throw new Error(`ajv treats errors in an unknown way: ${unknown}`);
  return bounded;
}

/**
 * A schema as it is compiled: integers without a maximum are those that a double counts exactly, and items are compared with each
 * other where they are not too many.
 */
export function asCompiled(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asCompiled);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asCompiled(value)]));
  if (copy.type === "integer") return { maximum: Number.MAX_SAFE_INTEGER, minimum: -Number.MAX_SAFE_INTEGER, ...copy };
  const { uniqueItems, ...rest } = copy;
  if (uniqueItems !== true || rest.maxItems === undefined || "if" in rest) return copy;
  const { maxItems, type } = rest;
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { ...rest, if: { type, maxItems }, then: { type, uniqueItems } };
}
