/** Text as a cell of a Markdown table, on one line: what Markdown or HTML would read as markup is escaped. */
import { visible } from "../core/input/visible-text.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

export function markdownCell(text: string): string {
  return visible(text.replaceAll("\n", " "))
    .replace(/[&<>]/g, (character) => ENTITIES[character])
    .replace(/[\\`*_[\]|]/g, "\\$&");
}
