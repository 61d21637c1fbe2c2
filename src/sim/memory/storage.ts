/** Bytes of a tensor as a memory stores it, from its mask where that matters, and never more than densely. */
import type { BitMask } from "../../core/bit-mask.ts";
import {
  atMostDense,
  type StorageFormat,
  type StorageFormatConfig,
  storageFormat,
} from "../../core/storage-formats.ts";
import type { Operand } from "../operation/operation.ts";
import { inReadingOrder, type Reading } from "./reading-order.ts";

/** Size and nonzeros of a tensor. */
export interface OperandSize {
  readonly elements: number;
  readonly nonzeros: number;
}

/** The format of an operand in one memory. */
export interface OperandStorage {
  readonly format: StorageFormat;
  readonly isDense: boolean;
  /** Whether values are the nonzeros alone, and the index is as long for every element. */
  readonly isBitmap: boolean;
  /** Whether nonzeros are all that the bytes depend on, wherever they are. */
  readonly isCounted: boolean;
  /** The same for all that store alike. */
  readonly key: string;
}

/** Formats of all operands in one memory. */
export type Storage = Readonly<Record<Operand, OperandStorage>>;

/** @throws Error that begins with `where` for numbers of a format that do not go together. */
export function operandStorage(config: StorageFormatConfig, where: string): OperandStorage {
  const { format: name, chunk } = typeof config === "string" ? { format: config } : { chunk: undefined, ...config };
  const isDense = name === "dense";
  return {
    format: storageFormat(config, where),
    isDense,
    isBitmap: name === "bitmap",
    isCounted: isDense || (name === "bitmap" && chunk === undefined),
    key: JSON.stringify(config),
  };
}

/** Bytes of a tensor without a zero, or in a format that asks for the number of nonzeros alone. */
export function storedBytes(
  { elements, nonzeros }: OperandSize,
  { format }: OperandStorage,
  valueBytes: number,
): number {
  const dense = elements * valueBytes;
  if (nonzeros === elements) return dense;
  const { valueBytes: values, indexBytes } = format.expected([elements], nonzeros / elements, valueBytes);
  return sum(atMostDense({ valueBytes: Math.round(values), indexBytes: Math.ceil(indexBytes) }, dense));
}

/** Bytes of a tensor with this mask; `size` is what the mask counts, `reading` the order in which it is stored. */
export function storedMaskBytes(
  mask: BitMask,
  reading: Reading,
  size: OperandSize,
  storage: OperandStorage,
  valueBytes: number,
): number {
  if (storage.isCounted || size.nonzeros === size.elements) return storedBytes(size, storage, valueBytes);
  let ofMask = known.get(mask);
  if (ofMask === undefined) {
    ofMask = new Map();
    known.set(mask, ofMask);
  }
  const key = `${storage.key} ${valueBytes} ${reading.order}`;
  let bytes = ofMask.get(key);
  if (bytes === undefined) {
    const stored = storage.format.exact(inReadingOrder(mask, reading), valueBytes);
    bytes = sum(atMostDense(stored, size.elements * valueBytes));
    ofMask.set(key, bytes);
  }
  return bytes;
}

/** Bytes of masks that were walked, by format, width of a value and order. */
const known = new WeakMap<BitMask, Map<string, number>>();

function sum({ valueBytes, indexBytes }: { readonly valueBytes: number; readonly indexBytes: number }): number {
  return valueBytes + indexBytes;
}
