/**
 * Names come from files and may hold anything: line ends, sequences that drive a terminal, or characters that turn the direction of
 * what follows. What is printed or written makes them visible; each medium has one function that does, and quotes what else it must.
 */

/** Control characters, ends of lines and paragraphs, and what changes the direction of text (Unicode Standard Annex 9, table 3). */
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const ALL_HARMFUL = new RegExp(HARMFUL, "gu");
/** The same but for line ends. */
const ALL_BUT_LINE_ENDS = new RegExp(`(?!\\n)${HARMFUL.source}`, "gu");

/** `text` on one line, with what could harm written as `\u001b`. */
export function visible(text: string): string {
  return HARMFUL.test(text) ? text.replace(ALL_HARMFUL, escaped) : text;
}

/** `text` with its line ends, and all else as `visible` writes it. */
export function visibleLines(text: string): string {
  return text.replace(ALL_BUT_LINE_ENDS, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
