/** HTML from template literals: every value is escaped as text unless it is markup made by this module. */
import { visibleLines } from "../../core/input/visible-text.ts";

/** HTML that is safe to put into HTML. */
export class Markup {
  readonly text: string;

  /** @param text HTML of our own making, never of a file's. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may be put into a template. */
export type Content = string | number | Markup | readonly Content[];

/** A template; lists are joined. Values are safe in text and in quoted attributes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, index) => text + markupOf(values[index - 1]) + part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return visibleLines(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function markupOf(value: Content): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(markupOf).join("");
  return escapeHtml(String(value));
}
