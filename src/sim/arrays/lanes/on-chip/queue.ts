/** A first-in-first-out queue in a ring that grows: a stage holds few items, but there are millions of them. */
export class Queue<T> {
  #ring: (T | undefined)[] = [undefined];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(element: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size++) % this.#ring.length] = element;
  }

  /** Removes and returns the oldest element; the queue must not be empty. */
  take(): T {
    const oldest = this.#ring[this.#head] as T;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#size--;
    return oldest;
  }

  #grow(): void {
    const elements = [...this.#ring.slice(this.#head), ...this.#ring.slice(0, this.#head)];
    this.#ring = [...elements, ...new Array<undefined>(elements.length).fill(undefined)];
    this.#head = 0;
  }
}
