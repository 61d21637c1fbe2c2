/**
 * `npm run build:validators`: writes the validators of all schemas that modules of `src` say to be precompiled, so that no schema of
 * this program is compiled while it runs. What the browser entries check is a file of its own.
 */
import { existsSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import ajvModule from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import type { Schema } from "../src/core/input/schema.ts";

const FOLDER = "src/io/validators";
const HEAD = "// @ts-nocheck\n/** Made from the schemas by scripts/write-validators.ts. */\n";
const BROWSER_ENTRIES = ["sim/index.ts", "trace/index.ts"];
/** What does something when it is imported. */
const PROGRAMS = /^cli\/|worker\.ts$|assembly\/|\.generated\.ts$|\.d\.ts$/;

// The modules that hold the schemas import what is written here.
for (const name of ["entries", "program"])
  if (!existsSync(pathOf(name))) writeFileSync(pathOf(name), `${HEAD}export const VALIDATORS = {};\n`);
const { keyOf, precompiledSchemas } = await import("../src/io/validators/registry.ts");
const { newAjv, withBoundedErrors, asCompiled } = await import("../src/io/validators/compiler.ts");
const { accelerators } = await import("../src/sim/arrays/index.ts");

await importAll(BROWSER_ENTRIES);
const entries = new Set([...precompiledSchemas, ...Object.values(accelerators).map(({ params }) => params)]);
await write("entries", [...entries]);
await importAll(
  (await readdir("src", { recursive: true })).filter((name) => /\.ts$/.test(name) && !PROGRAMS.test(name)),
);
await write(
  "program",
  [...new Set(precompiledSchemas)].filter((schema) => !entries.has(schema)),
);

function pathOf(name: string): string {
  return `${FOLDER}/${name}.generated.ts`;
}

async function importAll(modules: readonly string[]): Promise<void> {
  for (const name of modules) await import(`../src/${name}`);
}

async function write(name: string, schemas: readonly Schema[]): Promise<void> {
  const byKey = new Map(schemas.map((schema) => [keyOf(schema), asCompiled(schema) as object]));
  const ajv = newAjv(ajvModule, { code: { source: true, esm: true } });
  const [named, shared] = withSharedParts([...byKey.values()]);
  for (const [index, schema] of shared.entries()) ajv.addSchema(schema, `part${index}`);
  for (const [index, schema] of named.entries()) ajv.addSchema(schema, `schema${index}`);
  const exported = Object.fromEntries(named.map((_, index) => [`v${index}`, `schema${index}`]));
  const code = withBoundedErrors(standaloneCode.default(ajv, exported)).replaceAll(/export const (v\d+)/g, "const $1");
  const table = [...byKey.keys()].map((key, index) => `"${key}":v${index}`);
  const { outputFiles } = await build({
    stdin: { contents: `${code}\nexport const VALIDATORS={${table}};`, resolveDir: "." },
    ...{ bundle: true, minify: true, write: false, format: "esm", charset: "utf8", legalComments: "none" },
  });
  writeFileSync(pathOf(name), HEAD + outputFiles[0].text);
}

/** The same schemas with references to those parts that they have several times, and these parts: a tenth of the code. */
function withSharedParts(schemas: readonly object[]): [schemas: object[], parts: object[]] {
  const counts = new Map<string, number>();
  const plain = schemas.map(withoutDescriptions) as object[];
  walk(plain, (text) => counts.set(text, (counts.get(text) ?? 0) + 1));
  const names = new Map([...counts].filter(([, count]) => count > 1).map(([text], index) => [text, `part${index}#`]));
  const parts = [...names.keys()].map((text) => JSON.parse(text) as object);
  const inside = (node: object) => insideOf(node, names);
  return [plain.map(inside), parts.map(inside)];
}

function withReferences(node: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof node !== "object" || node === null) return node;
  const $ref = isLarge(node) ? names.get(partOf(node)) : undefined;
  if ($ref !== undefined) return { $ref, ...("default" in node ? { default: node.default } : {}) };
  return Array.isArray(node) ? node.map((item) => withReferences(item, names)) : insideOf(node, names);
}

/** A schema with references inside; branches that a discriminator chooses from have to show their tag. */
function insideOf(node: object, names: ReadonlyMap<string, string>): object {
  const entries = Object.entries(node).map(([key, value]) => [
    key,
    key === "oneOf" ? value.map((branch: object) => insideOf(branch, names)) : withReferences(value, names),
  ]);
  return Object.fromEntries(entries);
}

/** Calls `each` with every part that may be shared. */
function walk(node: unknown, each: (text: string) => void): void {
  if (typeof node !== "object" || node === null) return;
  if (isLarge(node)) each(partOf(node));
  for (const value of Object.values(node)) walk(value, each);
}

/** Whether a node is a schema whose code is longer than a call. */
function isLarge(node: object): boolean {
  return "properties" in node || "patternProperties" in node || "items" in node || "anyOf" in node || "enum" in node;
}

/** What a part says of a value: its default is up to the object that has it. */
function partOf({ default: _, ...part }: { readonly default?: unknown }): string {
  return JSON.stringify(part);
}

function withoutDescriptions(node: unknown): unknown {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return node.map(withoutDescriptions);
  const kept = Object.entries(node).filter(([key, value]) => key !== "description" || typeof value !== "string");
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutDescriptions(value)]));
}
