/**
 * Text and JSON from files: byte order marks and UTF-16, which editors on Windows write, are read; an object that has a key twice
 * is refused, because `JSON.parse` would keep the last value in silence (RFC 8259, section 4: "names within an object SHOULD be unique").
 */
import { MOST_LEVELS, MOST_VALUES } from "../core/input/limits.ts";
import { InputError, within } from "./faults.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Text of a file: UTF-8, or UTF-16 where it begins with that byte order mark, which is left out. */
export function decodeText(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** The value of a JSON text. @throws Error that says what is wrong, to follow the name of the text: "is not JSON: …", "has the key … twice". */
export function parseJson(text: string): unknown {
  const json = text.replace(/^\ufeff+/, "");
  checkExtents(json);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new InputError([`is not JSON: ${(cause as Error).message}`], { cause });
  }
  const repeated = repeatedKey(json);
  if (repeated !== undefined) throw new InputError([`has the key ${JSON.stringify(repeated)} twice in one object`]);
  return value;
}

/** The value of a JSON text that `where` names, as a line of a file. @throws InputError whose faults begin with it. */
export function parseNamedJson(text: string, where: string): unknown {
  return within(where, () => parseJson(text));
}

/** First key that an object of valid JSON has twice. */
function repeatedKey(json: string): string | undefined {
  // Keys of the objects that are open; an array has none.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(json, at);
      if (isKey(json, end)) {
        const key = stringOf(json.slice(at, end));
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end - 1;
    } else if (isOpening(code)) open.push(code === OPEN_OBJECT ? new Set() : undefined);
    else if (isClosing(code)) open.pop();
  }
  return undefined;
}

/** What a string of valid JSON with its quotes stands for. */
function stringOf(quoted: string): string {
  return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const isOpening = (code: number) => code === OPEN_OBJECT || code === OPEN_LIST;
const isClosing = (code: number) => code === CLOSE_OBJECT || code === CLOSE_LIST;

/** Counts what a text would become before it does: a short text may hold millions of objects. @throws InputError */
function checkExtents(json: string): void {
  let levels = 0;
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at) - 1;
    else if (code === COMMA) values++;
    else if (isOpening(code)) {
      values++;
      if (++levels > MOST_LEVELS) throw beyond("is nested too deeply", "levels", MOST_LEVELS);
    } else if (isClosing(code)) levels--;
  }
  if (values > MOST_VALUES) throw beyond("holds too many values", "of them", MOST_VALUES);
}

function beyond(what: string, unit: string, most: number): InputError {
  return new InputError([`${what}, got over ${most} ${unit}; valid: at most ${most}`]);
}

/** Behind the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Whether a colon follows. */
function isKey(json: string, end: number): boolean {
  let at = end;
  while (json[at] === " " || json[at] === "\n" || json[at] === "\r" || json[at] === "\t") at++;
  return json[at] === ":";
}
