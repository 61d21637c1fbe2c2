/** Reads a golden `.safetensors` file whole: 8-byte little-endian header length, JSON header, raw little-endian tensors. */

import { sizeOf } from "../../src/core/geometry.ts";
import { readBytes } from "../../src/io/read-file.ts";

/** One tensor; the array's type follows the file's dtype: F32, F64, U8 or I32. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Int32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const LENGTH_BYTES = 8;

/** Tensors of the file by name. Throws for a damaged file, and for a dtype that no golden file has. */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, GoldenTensor>> {
  const { bytes: file } = await readBytes(path);
  const { header, dataAt } = headerOf(path, file);
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    // Copied, so that every tensor is aligned whatever its place in the file.
    const bytes = new Uint8Array(file.subarray(dataAt + from, dataAt + to)).buffer;
    if (bytes.byteLength !== to - from) throw new Error(`${path}: is cut off within ${name}`);
    const data = typedArray(path, entry.dtype, bytes);
    if (data.length !== sizeOf(entry.shape)) {
      throw new Error(`${path}: ${name} of shape [${entry.shape}] has ${data.length} elements`);
    }
    tensors.set(name, { shape: entry.shape, data });
  }
  return tensors;
}

function headerOf(path: string, file: Uint8Array): { header: Record<string, HeaderEntry>; dataAt: number } {
  if (file.length < LENGTH_BYTES) throw new Error(`${path}: too short for a .safetensors, got ${file.length} bytes`);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const dataAt = LENGTH_BYTES + length;
  if (dataAt > file.length) throw new Error(`${path}: header of ${length} bytes in a file of ${file.length}`);
  try {
    const header = JSON.parse(new TextDecoder().decode(file.subarray(LENGTH_BYTES, dataAt)));
    return { header: header as Record<string, HeaderEntry>, dataAt };
  } catch (cause) {
    throw new Error(`${path}: header is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function typedArray(path: string, dtype: string, bytes: ArrayBuffer): GoldenTensor["data"] {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F64") return new Float64Array(bytes);
  if (dtype === "U8") return new Uint8Array(bytes);
  if (dtype === "I32") return new Int32Array(bytes);
  throw new Error(`${path}: unknown dtype, got ${dtype}; known: F32, F64, U8, I32`);
}
