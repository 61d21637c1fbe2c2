/**
 * Takes a JSON text apart that is too long for a string: the items of chosen lists one by one, and the text without them. It knows of
 * JSON what tells items apart, strings and brackets; whether texts are valid, whoever parses them says.
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
/** Characters of one item, and of the text without items. */
const MOST_ITEM_CHARACTERS = 2 ** 24;
const MOST_OTHER_CHARACTERS = 2 ** 26;

/** Is given the text of an item and where it lies: the indices of the lists around it, and its own in its list. */
type OnItem = (text: string, place: readonly number[]) => void;

/**
 * The text of `chunks` with the lists at `path` empty: keys from the outermost on, `*` for every item of a list.
 * @throws InputError that begins with `where` for what is too long, and what `onItem` throws.
 */
export async function withoutItems(
  chunks: AsyncIterable<string>,
  where: string,
  path: readonly string[],
  onItem: OnItem,
): Promise<string> {
  const reader = new ItemReader(where, path, onItem);
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
  readonly #path: readonly string[];
  readonly #onItem: OnItem;
  /** What is open, down to the list of items; how many levels of an item are. */
  readonly #open: Open[] = [];
  #below = 0;
  #isAmongItems = false;
  #isInString = false;
  #isEscaped = false;
  /** The last string outside of items, with its quotes: a key where a colon follows. */
  #string = "";
  #item = "";
  #others = "";

  constructor(where: string, path: readonly string[], onItem: OnItem) {
    this.#where = where;
    this.#path = path;
    this.#onItem = onItem;
  }

  get others(): string {
    return this.#others;
  }

  read(chunk: string): void {
    let from = 0;
    let string = 0;
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === BACKSLASH) this.#isEscaped = true;
        else if (code === QUOTE) {
          this.#isInString = false;
          if (!this.#isAmongItems) this.#string += chunk.slice(string, at + 1);
        }
      } else if (code === QUOTE) {
        this.#isInString = true;
        this.#string = "";
        string = at;
      } else if (this.#isAmongItems && this.#below === 0 && (code === COMMA || code === CLOSE_LIST)) {
        this.#keep(chunk.slice(from, at));
        this.#endItem(code === CLOSE_LIST);
        from = code === COMMA ? at + 1 : at;
      } else if (this.#moves(code) && this.#isAmongItems) {
        this.#others += chunk.slice(from, at + 1);
        from = at + 1;
      }
    }
    if (this.#isInString && !this.#isAmongItems) this.#string += chunk.slice(string);
    this.#keep(chunk.slice(from));
  }

  #keep(text: string): void {
    if (this.#isAmongItems) this.#item += text;
    else this.#others += text;
    const [length, most] = this.#isAmongItems
      ? [this.#item.length, MOST_ITEM_CHARACTERS]
      : [this.#others.length, MOST_OTHER_CHARACTERS];
    if (length > most) {
      const what = this.#isAmongItems ? `an item of ${this.#path.join(".")}` : `all but ${this.#path.join(".")}`;
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
      else if (code === CLOSE_LIST || code === CLOSE_OBJECT) this.#below--;
      return false;
    }
    const inner = this.#open.at(-1);
    if (isOpening) {
      if (this.#open.length === MOST_LEVELS)
        throw new InputError([`${this.#where}: is nested too deeply, got over ${MOST_LEVELS} levels`]);
      this.#open.push({ isList: code === OPEN_LIST, index: 0, key: "" });
      this.#isAmongItems = this.#isAtItems();
      return this.#isAmongItems;
    }
    if (code === CLOSE_LIST || code === CLOSE_OBJECT) this.#open.pop();
    else if (code === COMMA && inner !== undefined) inner.index++;
    else if (code === COLON && inner !== undefined) inner.key = this.#string;
    return false;
  }

  #isAtItems(): boolean {
    const open = this.#open;
    if (open.length !== this.#path.length + 1 || !open[open.length - 1].isList) return false;
    return this.#path.every((step, i) => (step === "*" ? open[i].isList : open[i].key === JSON.stringify(step)));
  }

  #endItem(isLast: boolean): void {
    const list = this.#open[this.#open.length - 1];
    const isEmpty = isLast && list.index === 0 && this.#item.trim() === "";
    const places = this.#open.filter(({ isList }) => isList).map(({ index }) => index);
    if (!isEmpty) this.#onItem(this.#item, places);
    list.index++;
    this.#item = "";
    if (!isLast) return;
    this.#open.pop();
    this.#isAmongItems = false;
  }
}
