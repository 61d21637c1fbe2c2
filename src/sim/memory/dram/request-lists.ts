/** Waiting requests of a channel: linked lists in the order of arrival, one for the reads and one for the writes of each bank. */

/** Requests of a kind that a channel holds: as DRAMsim3's queues, so many of each bank and so many beyond those. */
export const BANK_QUEUE = 8;
export const SHARED_QUEUE = 32;
const NONE = -1;

/** The lists of the banks with these open rows (−1: none): list `bank` of the reads, and `banks + bank` of the writes. Slots are requests that wait. */
export class RequestLists {
  /** Number in the stream, row, and cycle of arrival, by slot. */
  readonly request: Int32Array;
  readonly row: Int32Array;
  readonly arrival: Float64Array;
  readonly head: Int32Array;
  /** The oldest request of a list to the open row; −1 where there is none. */
  readonly hit: Int32Array;
  /** Banks with requests, in any order: with reads, then with writes. */
  readonly filled: readonly [Int32Array, Int32Array];
  readonly filledCount: [number, number] = [0, 0];
  /** Requests, reads and writes. */
  readonly waiting: [number, number] = [0, 0];
  /** Those of them beyond `BANK_QUEUE` of their bank. */
  readonly #beyond: [number, number] = [0, 0];
  readonly #banks: number;
  readonly #openRow: Int32Array;
  readonly #next: Int32Array;
  readonly #tail: Int32Array;
  readonly #length: Int32Array;
  /** The request before the hit in its list. */
  readonly #beforeHit: Int32Array;
  /** Of the bank of each list in `filled`. */
  readonly #place: Int32Array;
  #free = 0;

  constructor(openRow: Int32Array) {
    const banks = openRow.length;
    this.#openRow = openRow;
    const capacity = 2 * (SHARED_QUEUE + BANK_QUEUE * banks);
    const lists = 2 * banks;
    this.#banks = banks;
    this.request = new Int32Array(capacity);
    this.row = new Int32Array(capacity);
    this.arrival = new Float64Array(capacity);
    this.#next = Int32Array.from({ length: capacity }, (_, slot) => slot + 1);
    this.head = new Int32Array(lists).fill(NONE);
    this.hit = new Int32Array(lists).fill(NONE);
    this.filled = [new Int32Array(banks), new Int32Array(banks)];
    this.#tail = new Int32Array(lists).fill(NONE);
    this.#length = new Int32Array(lists);
    this.#beforeHit = new Int32Array(lists).fill(NONE);
    this.#place = new Int32Array(lists);
  }

  /** Whether no further request of a kind fits. */
  isFull(write: number): boolean {
    return this.#beyond[write] === SHARED_QUEUE;
  }

  /** Appends a request of a kind to the list of its bank; returns whether it is the first or the hit of it. */
  append(write: number, bank: number, request: number, row: number, arrival: number): boolean {
    const list = write * this.#banks + bank;
    const slot = this.#free;
    this.#free = this.#next[slot];
    this.request[slot] = request;
    this.row[slot] = row;
    this.arrival[slot] = arrival;
    this.#next[slot] = NONE;
    const last = this.#tail[list];
    if (last < 0) {
      this.head[list] = slot;
      this.#place[list] = this.filledCount[write];
      this.filled[write][this.filledCount[write]++] = bank;
    } else this.#next[last] = slot;
    if (this.hit[list] < 0) {
      this.#beforeHit[list] = row === this.#openRow[bank] ? last : slot;
      if (row === this.#openRow[bank]) this.hit[list] = slot;
    }
    this.#tail[list] = slot;
    this.waiting[write]++;
    if (++this.#length[list] > BANK_QUEUE) this.#beyond[write]++;
    return last < 0 || this.hit[list] === slot;
  }

  /** Takes the hit or the first request out of the list of a bank, whose open row is its own by now; returns its slot, which stays as it is until the next `append`. */
  take(write: number, bank: number, isHit: boolean): number {
    const list = write * this.#banks + bank;
    const before = isHit ? this.#beforeHit[list] : NONE;
    const slot = isHit ? this.hit[list] : this.head[list];
    const after = this.#next[slot];
    if (before < 0) this.head[list] = after;
    else this.#next[before] = after;
    if (this.#tail[list] === slot) this.#tail[list] = before;
    this.#next[slot] = this.#free;
    this.#free = slot;
    if (this.#length[list]-- > BANK_QUEUE) this.#beyond[write]--;
    this.waiting[write]--;
    if (this.#length[list] === 0) this.#remove(list, write);
    this.#findHit(list, bank, before);
    if (!isHit) this.#findHit((1 - write) * this.#banks + bank, bank, NONE);
    return slot;
  }

  /** When the hit or the first request of a bank arrived. */
  nextArrival(write: number, bank: number, isHit: boolean): number {
    const list = write * this.#banks + bank;
    return this.arrival[isHit ? this.hit[list] : this.head[list]];
  }

  /** Forgets the hits of a bank whose row was closed. */
  close(bank: number): void {
    this.hit[bank] = NONE;
    this.hit[this.#banks + bank] = NONE;
  }

  /** Finds the oldest request to the open row of a list, from the one after `before` on. */
  #findHit(list: number, bank: number, before: number): void {
    const row = this.#openRow[bank];
    let previous = before;
    let slot = before < 0 ? this.head[list] : this.#next[before];
    while (slot >= 0 && this.row[slot] !== row) {
      previous = slot;
      slot = this.#next[slot];
    }
    this.hit[list] = slot;
    this.#beforeHit[list] = previous;
  }

  #remove(list: number, write: number): void {
    const filled = this.filled[write];
    const last = filled[--this.filledCount[write]];
    const place = this.#place[list];
    filled[place] = last;
    this.#place[write * this.#banks + last] = place;
  }
}
