/** Writes the `.safetensors` files of golden cases that tests make. */
import type { GoldenTensor } from "./safetensors-file.ts";

/** A whole file with these tensors. */
export function safetensorsBytes(tensors: ReadonlyMap<string, GoldenTensor>): Uint8Array {
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [at, at + data.byteLength] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  return Buffer.concat([length, text, ...parts]);
}

function dtypeOf(data: GoldenTensor["data"]): string {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  return data instanceof Uint8Array ? "U8" : "I32";
}
