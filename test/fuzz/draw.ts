/** Choices of the file fuzzer, all from one seed. */
import seedrandom from "seedrandom";

export class Draw {
  readonly #random: () => number;

  constructor(seed: string) {
    this.#random = seedrandom(seed);
  }

  /** An integer from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }
}
