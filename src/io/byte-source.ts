/**
 * Bytes that are read by range: traces can be much larger than what one operation needs, and come from a file, from
 * memory or, in a browser, from a Blob.
 */
import { InputError } from "./faults.ts";

/** A named, immutable sequence of bytes. */
export interface ByteSource {
  /** For messages: a path or a label. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes [offset, offset + length). @throws Error when the range leaves the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A source over bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    sizeBytes: bytes.length,
    async read(offset, length) {
      if (offset < 0 || offset + length > bytes.length) {
        throw new InputError([
          `${name}: bytes ${offset}..${offset + length} are outside the file, got ${bytes.length} bytes`,
        ]);
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}
