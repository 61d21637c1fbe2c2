/**
 * The safetensors container: 8-byte little-endian header length, JSON header, raw tensors.
 * Format: https://huggingface.co/docs/safetensors, "Format". Read by ranges; written in one piece.
 */

import { sizeOf } from "../core/geometry.ts";
import type { ByteSource } from "../io/byte-source.ts";
import { InputError, reasonOf } from "../io/faults.ts";
import { foreignFormat, SIGNATURE_BYTES } from "../io/foreign-format.ts";
import { parseJson } from "../io/json.ts";

const LENGTH_BYTES = 8;
/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;

/** All element types of safetensors 0.7; a trace holds U8 and F32, beside them a file may have any. */
const ELEMENT_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
};

/** One tensor of a container; `begin` and `end` are offsets from the start of the file. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The parsed header of a container. */
export interface Container {
  readonly source: ByteSource;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads and checks the header. @throws InputError, one line, when the file is not a whole safetensors file. */
export async function openContainer(source: ByteSource): Promise<Container> {
  const fail = (what: string): never => {
    throw new InputError([`${source.name}: ${what}`]);
  };
  if (source.sizeBytes < LENGTH_BYTES) {
    fail(`is not a safetensors file: expected at least ${LENGTH_BYTES} bytes, got ${source.sizeBytes}`);
  }
  const prefix = await source.read(0, LENGTH_BYTES);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  const room = source.sizeBytes - LENGTH_BYTES;
  if (length > Math.min(room, MAX_HEADER_BYTES)) {
    const foreign = foreignFormat(await source.read(0, Math.min(source.sizeBytes, SIGNATURE_BYTES)));
    if (foreign !== undefined) fail(`is not a safetensors file but ${foreign}`);
    fail(
      `header length points beyond the file, which is cut or corrupt, got ${length}; valid: at most ${Math.min(room, MAX_HEADER_BYTES)}`,
    );
  }
  const text = new TextDecoder().decode(await source.read(LENGTH_BYTES, length));
  let header: unknown;
  try {
    header = parseJson(text);
  } catch (cause) {
    throw new InputError([`${source.name}: header of ${length} bytes ${reasonOf(cause)}`], { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) fail("header is not a JSON object");

  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  const dataStart = LENGTH_BYTES + length;
  for (const [name, entry] of Object.entries(header as Record<string, unknown>)) {
    if (name === "__metadata__")
      metadata = typeof entry === "object" && entry !== null ? (entry as Record<string, string>) : {};
    else tensors.set(name, storedTensor(name, entry, dataStart, fail));
  }
  let end = dataStart;
  for (const [name, tensor] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (tensor.begin !== end) fail(`tensor "${name}" does not follow the one before it: gap or overlap at ${end}`);
    end = tensor.end;
  }
  if (source.sizeBytes < end) fail(`file is cut: tensors end at byte ${end}, got a file of ${source.sizeBytes} bytes`);
  if (source.sizeBytes > end) fail(`${source.sizeBytes - end} bytes follow the last tensor, which ends at byte ${end}`);
  return { source, tensors, metadata };
}

function storedTensor(name: string, entry: unknown, dataStart: number, fail: (what: string) => never): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isSizes = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((extent) => Number.isSafeInteger(extent) && (extent as number) >= 0);
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BITS, dtype)) {
    return fail(
      `tensor "${name}": unknown dtype, got ${JSON.stringify(dtype)}; known: ${Object.keys(ELEMENT_BITS).join(", ")}`,
    );
  }
  if (!isSizes(shape)) return fail(`tensor "${name}": shape must be a list of sizes, got ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(`tensor "${name}": data_offsets must be [begin, end], got ${JSON.stringify(offsets)}`);
  }
  const expected = (sizeOf(shape) * ELEMENT_BITS[dtype]) / 8;
  if (offsets[1] - offsets[0] !== expected) {
    return fail(`tensor "${name}": ${dtype} [${shape}] takes ${expected} bytes, got ${offsets[1] - offsets[0]}`);
  }
  return { dtype, shape, begin: dataStart + offsets[0], end: dataStart + offsets[1] };
}

/** The elements of an F32 tensor. */
export async function readFloats({ source }: Container, { begin, end }: StoredTensor): Promise<Float32Array> {
  const bytes = await source.read(begin, end - begin);
  // A copy, because what was read may begin anywhere in its buffer; `slice` of a Node Buffer makes none.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** A tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array | Float32Array;
}

/**
 * The bytes of a container, in parts: the header, padded with spaces to 8 bytes, and each tensor, wide elements first, so
 * that every tensor is aligned.
 */
export function containerParts(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const ordered = [...tensors].sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  // Without a prototype, so that a tensor may have any name.
  const header: Record<string, unknown> = Object.assign(Object.create(null), { __metadata__: metadata });
  let end = 0;
  for (const { name, shape, data } of ordered) {
    header[name] = {
      dtype: data instanceof Float32Array ? "F32" : "U8",
      shape,
      data_offsets: [end, end + data.byteLength],
    };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
  const head = new Uint8Array(LENGTH_BYTES + headerBytes).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerBytes), true);
  head.set(json, LENGTH_BYTES);
  return [head, ...ordered.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** The same in one piece. */
export function encodeContainer(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  return joinParts(containerParts(tensors, metadata));
}

/** Bytes one after another. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
