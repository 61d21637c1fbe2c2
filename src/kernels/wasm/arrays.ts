/**
 * Plain arrays in the memory of the kernels. Memory is shared and grows in place, so that arrays stay valid, but each
 * growth makes another buffer object over it: all that arrays were made on are remembered.
 */
import type { Runner } from "./run/runner.ts";

const FLOAT_BYTES = 4;

/** Makes arrays and finds their addresses. */
export interface Arrays {
  /** Zeros. */
  floats(size: number): Float32Array;
  /** Address of an array that `floats` made, or of a part of one; undefined for all others. */
  addressOf(values: Float32Array): number | undefined;
}

/** Arrays in the memory of `runner`. */
export function createArrays(runner: Runner): Arrays {
  const buffers = new WeakSet<ArrayBufferLike>();
  return {
    floats(size) {
      const values = floatsAt(runner, runner.allocate(size * FLOAT_BYTES), size);
      buffers.add(values.buffer);
      return values;
    },
    addressOf: (values) => (buffers.has(values.buffer) ? values.byteOffset : undefined),
  };
}

/** `size` floats of the memory. */
export function floatsAt(runner: Runner, address: number, size: number): Float32Array {
  return new Float32Array(runner.memory.buffer, address, size);
}

/** `size` integers of the memory. */
export function integersAt(runner: Runner, address: number, size: number): Int32Array {
  return new Int32Array(runner.memory.buffer, address, size);
}

/** Work space that is kept and replaced by a larger one when needed; its content is undefined. */
export function createWorkSpace(runner: Runner): (bytes: number) => number {
  let address = 0;
  let size = 0;
  return (bytes) => {
    if (bytes > size) {
      size = bytes;
      address = runner.allocate(bytes);
    }
    return address;
  };
}
