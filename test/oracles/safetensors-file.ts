/** Reads a golden `.safetensors` file whole: 8-byte little-endian header length, JSON header, raw little-endian tensors. */
import { readFile } from "node:fs/promises";

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

/** Tensors of the file by name. Throws for a dtype that no golden file has. */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, GoldenTensor>> {
  const file = await readFile(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerLength)) as Record<string, HeaderEntry>;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    // Copied, so that every tensor is aligned whatever its place in the file.
    const bytes = new Uint8Array(file.subarray(8 + headerLength + from, 8 + headerLength + to)).buffer;
    tensors.set(name, { shape: entry.shape, data: typedArray(path, entry.dtype, bytes) });
  }
  return tensors;
}

function typedArray(path: string, dtype: string, bytes: ArrayBuffer): GoldenTensor["data"] {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F64") return new Float64Array(bytes);
  if (dtype === "U8") return new Uint8Array(bytes);
  if (dtype === "I32") return new Int32Array(bytes);
  throw new Error(`${path}: unknown dtype, got ${dtype}; known: F32, F64, U8, I32`);
}
