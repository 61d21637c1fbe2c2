/** JSON in parts, for values whose text is longer than a string can be. */

/** Characters from which a part is handed on. */
const PART_CHARACTERS = 2 ** 16;
/** Objects and lists within each other that are taken apart: below them are the rows of a result. */
const LEVELS = 4;

/** What `JSON.stringify(value, null, spaces)` gives, in parts. */
export function jsonParts(value: unknown, spaces = 0): Iterable<string> {
  return inParts(pieces(value, { spaces, margin: "", levels: LEVELS }));
}

/** Joins short texts to parts that are worth a call. */
function* inParts(texts: Iterable<string>): Generator<string> {
  let part = "";
  for (const text of texts) {
    part += text;
    if (part.length < PART_CHARACTERS) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}

interface Layout {
  readonly spaces: number;
  readonly margin: string;
  readonly levels: number;
}

function* pieces(value: unknown, { spaces, margin, levels }: Layout): Generator<string> {
  if (levels === 0 || !isPlain(value)) {
    yield JSON.stringify(value, null, spaces).replaceAll("\n", `\n${margin}`);
    return;
  }
  const isList = Array.isArray(value);
  const inner = { spaces, margin: margin + " ".repeat(spaces), levels: levels - 1 };
  const [lineBreak, colon] = spaces > 0 ? ["\n", ": "] : ["", ":"];
  let before = isList ? "[" : "{";
  for (const [key, item] of Object.entries(value)) {
    // As an item it is null; as a field it is left out.
    const isNothing = ["undefined", "function", "symbol"].includes(typeof item);
    if (isNothing && !isList) continue;
    yield `${before}${lineBreak}${inner.margin}${isList ? "" : JSON.stringify(key) + colon}`;
    yield* pieces(isNothing ? null : item, inner);
    before = ",";
  }
  const isEmpty = before !== ",";
  yield `${isEmpty ? before : `${lineBreak}${margin}`}${isList ? "]" : "}"}`;
}

/** Whether its JSON is that of its entries. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
