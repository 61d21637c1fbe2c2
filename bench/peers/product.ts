/**
 * The matrix product that programs are compared on, as each of them sees it: C = A·B with A [M, K] weights, which a
 * program may rearrange beforehand, and B [K, N] activations.
 */

/** Sizes and operands. */
export interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** [M, K]. */
  readonly a: Float32Array;
  /** [K, N]. */
  readonly b: Float32Array;
}

/** A product made ready in a program. */
export interface Gemm {
  /** Multiplies once; the result stays where the program puts it. */
  run(): void | Promise<void>;
  /** C [M, N] of the last run. */
  result(): Promise<Float32Array>;
}

/** A program that multiplies, on one thread. */
export interface Multiplier {
  readonly name: string;
  /** Of the program; none for our own builds. */
  readonly version?: string;
  prepare(product: Product): Promise<Gemm>;
}

/** Transpose of values [rows, columns]. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
