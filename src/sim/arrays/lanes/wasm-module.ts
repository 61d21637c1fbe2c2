/** WebAssembly modules that a machine model has a slower equivalent of in JavaScript. */

/** A memory of a module's own. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 65536;

/** The exports of a module in base64; null where there is no WebAssembly, none with vectors, or a page forbids it. */
export function instantiate<Exports>(base64: string): Exports | null {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports as unknown as Exports;
  } catch {
    return null;
  }
}

/** Makes a memory at least `bytes` bytes large: arrays on it are to be made anew. */
export function reserve(memory: WasmMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
