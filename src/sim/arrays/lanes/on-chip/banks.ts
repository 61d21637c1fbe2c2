/**
 * What a request of the global buffer costs. Its addresses are counted by bank; a bank moves `perAccess` of them at a time,
 * banks work side by side, and the request takes as many steps as its fullest bank needs accesses.
 * Source: DNNsim 4748a600.
 */

/** Accesses of a request over all banks, and its steps. */
export interface RequestCost {
  readonly accesses: number;
  readonly steps: number;
}

/** Collects the addresses of one request after another. */
export class Banks {
  readonly #counts: Int32Array;
  readonly #perAccess: number;

  constructor(banks: number, perAccess: number) {
    this.#counts = new Int32Array(banks);
    this.#perAccess = perAccess;
  }

  /** Adds `addresses` addresses of one bank. */
  add(bank: number, addresses: number): void {
    this.#counts[bank] += addresses;
  }

  /** Adds `addresses` addresses that lie in consecutive banks, beginning with bank `first` modulo the banks. */
  addRun(first: number, addresses: number): void {
    const counts = this.#counts;
    const each = Math.floor(addresses / counts.length);
    if (each > 0) for (let bank = 0; bank < counts.length; bank++) counts[bank] += each;
    const rest = addresses - each * counts.length;
    for (let i = 0, bank = first % counts.length; i < rest; i++) {
      counts[bank]++;
      if (++bank === counts.length) bank = 0;
    }
  }

  /** The cost of what was added since the last call. */
  take(): RequestCost {
    const counts = this.#counts;
    const perAccess = this.#perAccess;
    let accesses = 0;
    let steps = 0;
    for (let bank = 0; bank < counts.length; bank++) {
      if (counts[bank] === 0) continue;
      const own = Math.ceil(counts[bank] / perAccess);
      counts[bank] = 0;
      accesses += own;
      if (own > steps) steps = own;
    }
    return { accesses, steps };
  }
}
