/** JSON in parts, for values whose text is longer than a string can be. */

/** Characters from which a part is handed on. */
const PART_CHARACTERS = 2 ** 16;
/** Objects and lists within each other that are taken apart: below them are the rows of a result. */
const LEVELS = 4;

/** How JSON is laid out. */
export interface JsonLayout {
  readonly spaces?: number;
  /** Whether an object or a list without others in it is one line. */
  readonly innermostInLine?: boolean;
  /** Objects and lists within each other that are taken apart; what lies deeper is written in one piece. */
  readonly levels?: number;
}

/** Fields of an object that are made as they are written. */
export class JsonFields {
  readonly fields: Iterable<readonly [string, unknown]>;

  constructor(fields: Iterable<readonly [string, unknown]>) {
    this.fields = fields;
  }
}

/**
 * What `JSON.stringify(value, null, spaces)` gives, in parts. What can only be iterated is a list; `JsonFields` are an object. Neither may
 * lie deeper than `levels`.
 */
export function jsonParts(value: unknown, layout: JsonLayout = {}): Iterable<string> {
  const { spaces = 0, innermostInLine = false, levels = LEVELS } = layout;
  return inParts(pieces(value, { spaces, innermostInLine, margin: "", levels }));
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

interface Place extends Required<JsonLayout> {
  readonly margin: string;
}

function* pieces(value: unknown, place: Place): Generator<string> {
  const { spaces, margin, levels } = place;
  const items = levels === 0 ? undefined : itemsOf(value);
  if (items === undefined || (place.innermostInLine && isInnermost(value))) {
    yield textOf(value, place);
    return;
  }
  const inner = { ...place, margin: margin + " ".repeat(spaces), levels: levels - 1 };
  const [lineBreak, colon] = spaces > 0 ? ["\n", ": "] : ["", ":"];
  let before = items.isList ? "[" : "{";
  for (const [key, item] of items.entries) {
    // As an item it is null; as a field it is left out.
    const isNothing = ["undefined", "function", "symbol"].includes(typeof item);
    if (isNothing && !items.isList) continue;
    yield `${before}${lineBreak}${inner.margin}${items.isList ? "" : JSON.stringify(key) + colon}`;
    yield* pieces(isNothing ? null : item, inner);
    before = ",";
  }
  const isEmpty = before !== ",";
  yield `${isEmpty ? before : `${lineBreak}${margin}`}${items.isList ? "]" : "}"}`;
}

const INNERMOST = /[{[]\n[^{}[\]]*[}\]]/g;

function textOf(value: unknown, { spaces, margin, innermostInLine }: Place): string {
  const text = JSON.stringify(value, null, spaces);
  const inLine = innermostInLine ? text.replace(INNERMOST, (node) => node.replace(/\n\s*/g, " ")) : text;
  return inLine.replaceAll("\n", `\n${margin}`);
}

interface Items {
  readonly isList: boolean;
  readonly entries: Iterable<readonly [unknown, unknown]>;
}

/** What is in a list or an object whose JSON is that of its entries. */
function itemsOf(value: unknown): Items | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof JsonFields) return { isList: false, entries: value.fields };
  if (Symbol.iterator in value) return { isList: true, entries: numbered(value as Iterable<unknown>) };
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  return { isList: false, entries: Object.entries(value) };
}

function* numbered(items: Iterable<unknown>): Generator<readonly [number, unknown]> {
  let at = 0;
  for (const item of items) yield [at++, item];
}

/** Whether a whole value holds no other objects and lists. */
function isInnermost(value: unknown): boolean {
  const isWhole = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isWhole && Object.values(value as object).every((item) => typeof item !== "object" || item === null);
}
