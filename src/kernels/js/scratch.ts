/**
 * Working memory of the fast kernels: kept by the module, grown to the largest size asked for and never shrunk, so that
 * a training step allocates nothing after the first. Contents are whatever the last user left there.
 */

/** A source of Float64Arrays of at least `size` elements, always the same memory. */
export function doubleScratch(): (size: number) => Float64Array {
  let memory = new Float64Array(0);
  return (size) => {
    if (memory.length < size) memory = new Float64Array(size);
    return memory;
  };
}

/** As `doubleScratch`, of Int32Arrays. */
export function integerScratch(): (size: number) => Int32Array {
  let memory = new Int32Array(0);
  return (size) => {
    if (memory.length < size) memory = new Int32Array(size);
    return memory;
  };
}
