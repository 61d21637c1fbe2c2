/** The nonzeros of an array with their places: what is saved of an input between the forward and the backward pass. */
import type { Floats } from "./kernels.ts";

/** Where all are spread; its content lasts until the next one is. */
let dense: Floats = new Float32Array();

/** Room for nonzeros that grows with their number. */
export class SparseValues {
  #values: Floats = new Float32Array();
  #places = new Int32Array();
  #count = 0;
  #size = 0;

  /** Takes over the elements v ≠ 0 with |v| ≥ threshold, or NaN, of the first `size`. */
  take(values: Floats, size: number, threshold: number): void {
    const isKept = (value: number) => value !== 0 && !(Math.abs(value) < threshold);
    let count = 0;
    for (let i = 0; i < size; i++) if (isKept(values[i])) count++;
    if (count > this.#values.length) {
      this.#values = new Float32Array(count);
      this.#places = new Int32Array(count);
    }
    this.#count = 0;
    this.#size = size;
    for (let i = 0; i < size; i++) {
      if (!isKept(values[i])) continue;
      this.#values[this.#count] = values[i];
      this.#places[this.#count++] = i;
    }
  }

  /** All elements, zeros where nothing was kept, in memory that is used again for the next one. */
  spread(): Floats {
    if (dense.length < this.#size) dense = new Float32Array(this.#size);
    dense.fill(0, 0, this.#size);
    for (let i = 0; i < this.#count; i++) dense[this.#places[i]] = this.#values[i];
    return dense;
  }
}
