/** Fields of a hardware config by their path, as `params.rows` or `memory.levels.0.size`: reading, changing, checking the path. */
import { InputError, unknownName } from "../../io/faults.ts";

type Node = Record<string, unknown>;

/** The field of `config` at `path`; undefined where there is none. */
export function fieldAt(config: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((node, key) => (isNode(node) && Object.hasOwn(node, key) ? node[key] : undefined), config);
}

/** A copy of `config` with fields by path; null takes a field out. @throws Error for an entry of a list that is not there. */
export function withFields(config: object, values: Readonly<Record<string, unknown>>): unknown {
  const copy = structuredClone(config) as Node;
  // What holds a field is set before the field.
  const inner = Object.entries(values).sort(([a], [b]) => a.length - b.length);
  for (const [path, value] of inner) {
    const keys = path.split(".");
    const last = keys.pop() as string;
    let node: Node = copy;
    for (const key of keys) {
      if (Array.isArray(node)) checkEntry(node, key, path);
      if (!Object.hasOwn(node, key) || !isNode(node[key])) node[key] = {};
      node = node[key] as Node;
    }
    if (Array.isArray(node)) checkEntry(node, last, path);
    if (value === null) delete node[last];
    else node[last] = structuredClone(value);
  }
  return copy;
}

function checkEntry(list: readonly unknown[], key: string, path: string): void {
  if (Number(key) < list.length) return;
  throw new InputError([`${path}: no such entry, got ${key}; valid: less than ${list.length}`]);
}

/** What is wrong with `path` as a field of all of `schemas` (JSON Schemas); undefined if one of them may have it. */
export function pathFault(schemas: readonly object[], path: string): string | undefined {
  let nodes = schemas as readonly Node[];
  for (const key of path.split(".")) {
    const parts = nodes.flatMap(partsOf);
    if (parts.some(isFree)) return undefined;
    const named = parts.flatMap(({ properties }) => (isNode(properties) ? [properties] : []));
    const items = /^\d+$/.test(key) ? parts.flatMap(({ items }) => (isNode(items) ? [items] : [])) : [];
    const children = named.flatMap((node) => (Object.hasOwn(node, key) ? [node[key] as Node] : []));
    if (children.length + items.length === 0) {
      const known = [...new Set(named.flatMap((node) => Object.keys(node)))];
      return `${path}: ${unknownName("field", key, known)}`;
    }
    nodes = [...children, ...items];
  }
  return undefined;
}

/** A schema and the alternatives and parts that it is made of. */
function partsOf(schema: Node): Node[] {
  const inner = ["anyOf", "oneOf", "allOf"].flatMap((key) => (schema[key] ?? []) as Node[]);
  const branches = ["then", "else"].flatMap((key) => (isNode(schema[key]) ? [schema[key]] : []));
  return [schema, ...[...inner, ...branches].flatMap(partsOf)];
}

/** Whether a schema takes fields of any name. */
function isFree({ properties, patternProperties, additionalProperties, type }: Node): boolean {
  if (patternProperties !== undefined || isNode(additionalProperties)) return true;
  return type === "object" && properties === undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
