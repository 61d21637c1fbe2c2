/**
 * Lists of many items, of which memory holds the latest: once there are too many, they are written as JSON into one file without a
 * name, which is gone with the process however it ends.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "./faults.ts";
import { temporaryName } from "./temporary-names.ts";

/** Bytes of a list that are read or written at once: what is asked for next mostly lies behind what was asked for. */
const BLOCK_BYTES = 2 ** 18;
const PRIVATE = 0o600;

/** Where lists lie together, and how many items of all of them are in memory. */
export class Spill {
  readonly #folders: readonly string[];
  readonly #mostHeld: number;
  readonly #lists: SpilledList<object>[] = [];
  #held = 0;
  #file: SpillFile | undefined;

  /**
   * @param folders where the file may lie: the first that it can be made in.
   * @param mostHeld items in memory; with more all go to the file.
   */
  constructor(folders: readonly string[], mostHeld: number) {
    this.#folders = folders;
    this.#mostHeld = mostHeld;
  }

  /** Whether anything lies in a file. */
  get isUsed(): boolean {
    return this.#file !== undefined;
  }

  /** A list of at most so many items. */
  list<Item extends object>(length: number): SpilledList<Item> {
    const list = new SpilledList<Item>(length, () => this.#count());
    this.#lists.push(list as unknown as SpilledList<object>);
    return list;
  }

  /** Gives the space back; what lies in the file can no longer be read. */
  close(): void {
    this.#file?.close();
  }

  #count(): void {
    if (this.#file !== undefined || ++this.#held <= this.#mostHeld) return;
    this.#file = openFile(this.#folders);
    for (const list of this.#lists) list.moveTo(this.#file);
  }
}

/** Items by an index that each has once; use `Spill.list`. */
export class SpilledList<Item extends object> {
  readonly #count: () => void;
  readonly #held = new Map<number, Item>();
  /** Where items lie in the file, and their bytes: 0 for those that do not. */
  readonly #starts: Float64Array;
  readonly #sizes: Uint32Array;
  #texts: SpilledTexts | undefined;
  /** The last that was set is mostly the next that is asked for. */
  #latest: { readonly index: number; readonly item: Item } | undefined;

  constructor(length: number, count: () => void) {
    this.#count = count;
    this.#starts = new Float64Array(length);
    this.#sizes = new Uint32Array(length);
  }

  set(index: number, item: Item): void {
    this.#count();
    if (this.#texts === undefined) this.#held.set(index, item);
    else this.#write(index, item, this.#texts);
    this.#latest = { index, item };
  }

  get(index: number): Item | undefined {
    if (this.#latest?.index === index) return this.#latest.item;
    const size = this.#sizes[index];
    if (this.#texts === undefined || size === 0) return this.#held.get(index);
    return JSON.parse(this.#texts.read(this.#starts[index], size)) as Item;
  }

  /** What is there by then, in the order of the indices, which are numbered anew. */
  rows(): SpilledItems<Item> {
    const indices = Uint32Array.from(this.#sizes.keys()).filter(
      (index) => this.#sizes[index] > 0 || this.#held.has(index),
    );
    return new SpilledItems(indices, (index) => this.get(index) as Item);
  }

  /** Writes what memory holds, and from then on all that is set; for `Spill`. */
  moveTo(file: SpillFile): void {
    this.#texts = new SpilledTexts(file);
    const items = [...this.#held].sort(([a], [b]) => a - b);
    for (const [index, item] of items) this.#write(index, item, this.#texts);
    this.#held.clear();
  }

  #write(index: number, item: Item, texts: SpilledTexts): void {
    const { start, size } = texts.append(JSON.stringify(item));
    this.#starts[index] = start;
    this.#sizes[index] = size;
  }
}

/** Items in order, read when they are asked for. */
export class SpilledItems<Item> {
  readonly #indices: Uint32Array;
  readonly #get: (index: number) => Item;

  constructor(indices: Uint32Array, get: (index: number) => Item) {
    this.#indices = indices;
    this.#get = get;
  }

  get length(): number {
    return this.#indices.length;
  }

  at(position: number): Item | undefined {
    const index = this.#indices.at(position);
    return index === undefined ? undefined : this.#get(index);
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const index of this.#indices) yield this.#get(index);
  }
}

/** A file that grows and that nobody else sees. */
class SpillFile {
  readonly #path: string;
  readonly #descriptor: number;
  #isNamed = true;
  #size = 0;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, "wx+", PRIVATE);
    this.#removeName();
  }

  /** Where so many bytes may be written. */
  reserve(size: number): number {
    const start = this.#size;
    this.#size += size;
    return start;
  }

  /** @throws InputError naming the file. */
  write(bytes: Uint8Array, start: number): void {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, start + done);
      }
    } catch (cause) {
      throw new InputError([`${this.#path}: cannot be written: ${(cause as Error).message}`], { cause });
    }
  }

  /** Fills `buffer` as far as there are bytes from `start` on. @returns how many there are. */
  read(buffer: Uint8Array, start: number): number {
    let done = 0;
    while (done < buffer.length) {
      const read = readSync(this.#descriptor, buffer, done, buffer.length - done, start + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  close(): void {
    closeSync(this.#descriptor);
    if (this.#isNamed) this.#removeName();
  }

  /** Systems that do not remove open files remove it when it is closed. */
  #removeName(): void {
    try {
      rmSync(this.#path);
      this.#isNamed = false;
    } catch {}
  }
}

/** @throws Error of the last folder where none can be written. */
function openFile(folders: readonly string[]): SpillFile {
  const [folder, ...others] = folders;
  try {
    return new SpillFile(join(folder, temporaryName()));
  } catch (cause) {
    if (others.length > 0) return openFile(others);
    throw new InputError([`${folder}: no temporary file can be made here: ${(cause as Error).message}`], { cause });
  }
}

/** Texts of one list: blocks of them lie one behind the other, and the last is in memory until it is full. */
class SpilledTexts {
  readonly #file: SpillFile;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockStart = 0;
  #blockEnd = 0;
  readonly #window = Buffer.alloc(BLOCK_BYTES);
  #windowStart = 0;
  #windowEnd = 0;

  constructor(file: SpillFile) {
    this.#file = file;
    this.#begin();
  }

  #begin(): void {
    this.#blockStart = this.#file.reserve(BLOCK_BYTES);
    this.#blockEnd = this.#blockStart;
  }

  append(text: string): { readonly start: number; readonly size: number } {
    const size = Buffer.byteLength(text);
    if (size > BLOCK_BYTES) {
      const start = this.#file.reserve(size);
      this.#file.write(Buffer.from(text), start);
      return { start, size };
    }
    if (this.#blockEnd + size > this.#blockStart + BLOCK_BYTES) {
      this.#file.write(this.#block.subarray(0, this.#blockEnd - this.#blockStart), this.#blockStart);
      // It may have been read while this block was not in the file.
      this.#windowEnd = 0;
      this.#begin();
    }
    const start = this.#blockEnd;
    this.#block.write(text, start - this.#blockStart);
    this.#blockEnd += size;
    return { start, size };
  }

  read(start: number, size: number): string {
    if (start >= this.#blockStart && start < this.#blockEnd) {
      return this.#block.toString("utf8", start - this.#blockStart, start - this.#blockStart + size);
    }
    if (size > BLOCK_BYTES) {
      const whole = Buffer.alloc(size);
      return whole.toString("utf8", 0, this.#file.read(whole, start));
    }
    if (start < this.#windowStart || start + size > this.#windowEnd) {
      this.#windowStart = start;
      this.#windowEnd = start + this.#file.read(this.#window, start);
    }
    return this.#window.toString("utf8", start - this.#windowStart, start - this.#windowStart + size);
  }
}
