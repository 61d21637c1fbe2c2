/** Bytes of a tensor as a machine stores it. */

/** Size and nonzeros of a tensor. */
export interface OperandSize {
  readonly elements: number;
  readonly nonzeros: number;
}

/** Bytes of a tensor in the given storage. */
export function storedBytes(
  { elements, nonzeros }: OperandSize,
  storage: "dense" | "bitmap",
  valueBytes: number,
): number {
  const dense = elements * valueBytes;
  return storage === "dense" ? dense : Math.min(dense, nonzeros * valueBytes + Math.ceil(elements / 8));
}
