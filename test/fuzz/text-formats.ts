/** Trees as text: JSON, lines of JSON, CSV, YAML. Whatever became of a tree, it has a text. */
import { isBranch, type Tree, Verbatim } from "./tree.ts";

/** JSON; what JSON has no words for, as it would be written by a careless program. */
export function jsonText(tree: Tree): string {
  if (tree instanceof Verbatim) return tree.text;
  if (tree instanceof Uint8Array) return `[${tree.join()}]`;
  if (Array.isArray(tree)) return `[${tree.map(jsonText).join()}]`;
  if (isBranch(tree)) {
    return `{${Object.entries(tree)
      .map(([key, value]) => `${JSON.stringify(key)}:${jsonText(value)}`)
      .join()}}`;
  }
  if (typeof tree === "number") return Object.is(tree, -0) ? "-0" : String(tree);
  return JSON.stringify(tree);
}

/** A text as it is; of anything else its JSON. */
export function plainText(tree: Tree | undefined): string {
  return typeof tree === "string" ? tree : tree === undefined ? "" : jsonText(tree);
}

const itemsOf = (tree: Tree): readonly Tree[] => (Array.isArray(tree) ? tree : [tree]);

/** A list as lines of JSON. */
export function jsonLines(tree: Tree): string {
  return itemsOf(tree)
    .map((line) => `${jsonText(line)}\n`)
    .join("");
}

/** A list of lists as CSV, its cells as they are. */
export function csvLines(tree: Tree): string {
  return itemsOf(tree)
    .map((line) => `${itemsOf(line).map(plainText).join()}\n`)
    .join("");
}

/** Fields as block YAML, values as JSON, which YAML reads too. */
export function yamlText(tree: Tree): string {
  if (!isBranch(tree)) return jsonText(tree);
  return Object.entries(tree)
    .map(([key, value]) => {
      const entries = Array.isArray(value) && value.length < 50 ? value : undefined;
      const text =
        entries === undefined ? ` ${jsonText(value)}` : entries.map((item) => `\n  - ${jsonText(item)}`).join("");
      return `${/^\w+$/.test(key) ? key : JSON.stringify(key)}:${text}\n`;
    })
    .join("");
}
