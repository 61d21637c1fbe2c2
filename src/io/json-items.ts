/**
 * Takes a JSON text apart that is too long for a string: the items of chosen lists, or the fields of chosen objects, one by one, and the
 * text without them. It knows of JSON what tells items apart, strings and brackets; whether texts are valid, whoever parses them says.
 */
import { MOST_LEVELS } from "../core/input/limits.ts";
import { InputError } from "./faults.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Characters outside of strings that tell items apart, by code. */
const TELLING = new Uint8Array(CLOSE_OBJECT + 1);
for (const code of [QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) TELLING[code] = 1;
/** Characters of one item, and of the text without items. */
const MOST_ITEM_CHARACTERS = 2 ** 24;
const MOST_OTHER_CHARACTERS = 2 ** 26;

/** Where an item lies: which of the paths leads there, the indices of the lists around it, and its own. */
export interface ItemPlace {
  readonly list: number;
  readonly place: readonly number[];
}

/** Is given the text of an item, of a field that of an object with it alone. */
type OnItem = (text: string, place: ItemPlace) => void;

/**
 * The text of `chunks` with what lies at `paths` empty: keys from the outermost on, `*` for every item of a list.
 * @throws InputError that begins with `where` for what is too long, and what `onItem` throws.
 */
export async function withoutItems(
  chunks: AsyncIterable<string>,
  where: string,
  paths: readonly (readonly string[])[],
  onItem: OnItem,
): Promise<string> {
  const reader = new ItemReader(where, paths, onItem);
  for await (const chunk of chunks) reader.read(chunk);
  return reader.others;
}

/** An object or a list that is open, and what of it is being read. */
interface Open {
  readonly isList: boolean;
  index: number;
  key: string;
}

class ItemReader {
  readonly #where: string;
  readonly #paths: readonly (readonly string[])[];
  readonly #onItem: OnItem;
  /** What is open, down to the list of items; how many levels of an item are. */
  readonly #open: Open[] = [];
  #below = 0;
  #isAmongItems = false;
  /** Which of the paths leads to the items that are being read. */
  #list = 0;
  #isInString = false;
  #isEscaped = false;
  /** The last string outside of items, with its quotes: a key where a colon follows. */
  #string = "";
  #item = "";
  #others = "";

  constructor(where: string, paths: readonly (readonly string[])[], onItem: OnItem) {
    this.#where = where;
    this.#paths = paths;
    this.#onItem = onItem;
  }

  get others(): string {
    return this.#others;
  }

  read(chunk: string): void {
    let from = 0;
    let string = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.#isInString) {
        at = this.#endOfString(chunk, at);
        if (!this.#isInString && !this.#isAmongItems) this.#string += chunk.slice(string, at + 1);
        continue;
      }
      const code = chunk.charCodeAt(at);
      if (code > CLOSE_OBJECT || TELLING[code] === 0) continue;
      if (code === QUOTE) {
        this.#isInString = true;
        this.#string = "";
        string = at;
      } else if (this.#isAmongItems && this.#below === 0 && (code === COMMA || isClosing(code))) {
        this.#keep(chunk.slice(from, at));
        this.#endItem(code !== COMMA);
        from = code === COMMA ? at + 1 : at;
      } else if (this.#moves(code) && this.#isAmongItems) {
        this.#others += chunk.slice(from, at + 1);
        from = at + 1;
      }
    }
    if (this.#isInString && !this.#isAmongItems) this.#string += chunk.slice(string);
    this.#keep(chunk.slice(from));
  }

  /** Where the string that is open at `at` ends, which it then does, or the chunk does. */
  #endOfString(chunk: string, at: number): number {
    for (let end = at; end < chunk.length; end++) {
      const code = chunk.charCodeAt(end);
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) {
        this.#isInString = false;
        return end;
      }
    }
    return chunk.length;
  }

  #keep(text: string): void {
    if (this.#isAmongItems) this.#item += text;
    else this.#others += text;
    const [length, most] = this.#isAmongItems
      ? [this.#item.length, MOST_ITEM_CHARACTERS]
      : [this.#others.length, MOST_OTHER_CHARACTERS];
    if (length > most) {
      const names = this.#paths.map((path) => path.join("."));
      const what = this.#isAmongItems ? `an item of ${names[this.#list]}` : `all but ${names.join(" and ")}`;
      throw new InputError([
        `${this.#where}: ${what} is too long, got over ${most} characters; valid: at most ${most}`,
      ]);
    }
  }

  /** Follows brackets, colons and commas. Returns whether a list of items begins. */
  #moves(code: number): boolean {
    const isOpening = code === OPEN_LIST || code === OPEN_OBJECT;
    if (this.#isAmongItems) {
      if (isOpening) this.#below++;
      else if (isClosing(code)) this.#below--;
      return false;
    }
    const inner = this.#open.at(-1);
    if (isOpening) {
      if (this.#open.length === MOST_LEVELS)
        throw new InputError([`${this.#where}: is nested too deeply, got over ${MOST_LEVELS} levels`]);
      this.#open.push({ isList: code === OPEN_LIST, index: 0, key: "" });
      this.#list = this.#paths.findIndex((path) => this.#isAt(path));
      this.#isAmongItems = this.#list >= 0;
      return this.#isAmongItems;
    }
    if (isClosing(code)) this.#open.pop();
    else if (code === COMMA && inner !== undefined) inner.index++;
    else if (code === COLON && inner !== undefined) inner.key = this.#string;
    return false;
  }

  #isAt(path: readonly string[]): boolean {
    const open = this.#open;
    if (open.length !== path.length + 1) return false;
    return path.every((step, i) => (step === "*" ? open[i].isList : open[i].key === JSON.stringify(step)));
  }

  #endItem(isLast: boolean): void {
    const around = this.#open[this.#open.length - 1];
    const isEmpty = isLast && around.index === 0 && this.#item.trim() === "";
    const place = this.#open.filter((open) => open.isList || open === around).map(({ index }) => index);
    const text = around.isList ? this.#item : `{${this.#item}}`;
    if (!isEmpty) this.#onItem(text, { list: this.#list, place });
    around.index++;
    this.#item = "";
    if (!isLast) return;
    this.#open.pop();
    this.#isAmongItems = false;
  }
}

function isClosing(code: number): boolean {
  return code === CLOSE_LIST || code === CLOSE_OBJECT;
}
