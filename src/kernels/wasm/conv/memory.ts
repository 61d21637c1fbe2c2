/** Arrays of the caller and work space, for kernels that read and write the memory of a runner. */
import type { Runner } from "../run/runner.ts";

/** Work space that all convolutions of a runner share; its content lasts for one call. */
export interface Scratch {
  address: number;
  bytes: number;
}

const scratches = new WeakMap<Runner, Scratch>();
const PROBE = 0x5ca1ab1e;

/** The work space of a runner, with room for at least `bytes`. */
export function reserveScratch(runner: Runner, bytes: number): Scratch {
  let scratch = scratches.get(runner);
  if (scratch === undefined) {
    scratch = { address: 0, bytes: 0 };
    scratches.set(runner, scratch);
  }
  if (scratch.bytes < bytes) {
    scratch.address = runner.allocate(bytes);
    scratch.bytes = bytes;
  }
  return scratch;
}

const known = new WeakMap<Runner, WeakMap<ArrayBufferLike, boolean>>();

/** Whether a buffer is the memory of the runner. Growth makes a new buffer over the same bytes, and keeps the old ones. */
function isMemory(runner: Runner, buffer: ArrayBufferLike): boolean {
  if (buffer === runner.memory.buffer) return true;
  if (!(buffer instanceof SharedArrayBuffer)) return false;
  let buffers = known.get(runner);
  if (buffers === undefined) {
    buffers = new WeakMap();
    known.set(runner, buffers);
  }
  let same = buffers.get(buffer);
  if (same === undefined) {
    // Address 0 of the memory is never given out: a word written there shows through every buffer over it.
    const word = new Uint32Array(runner.memory.buffer, 0, 1);
    word[0] = PROBE;
    same = buffer.byteLength >= 4 && new Uint32Array(buffer, 0, 1)[0] === PROBE;
    word[0] = 0;
    same &&= new Uint32Array(buffer, 0, 1)[0] === 0;
    buffers.set(buffer, same);
  }
  return same;
}

/** Address of an array that kernels read: its own where it lies in their memory, else that of a copy at `copy`. */
export function readable(runner: Runner, array: Float32Array, copy: number): number {
  if (isMemory(runner, array.buffer)) return array.byteOffset;
  new Float32Array(runner.memory.buffer, copy, array.length).set(array);
  return copy;
}

/** Lets kernels write an array: at its own address where it lies in their memory, else at `copy`, copied back afterwards. */
export function writeThrough(
  runner: Runner,
  array: Float32Array,
  copy: number,
  write: (address: number) => void,
): void {
  if (isMemory(runner, array.buffer)) {
    write(array.byteOffset);
    return;
  }
  write(copy);
  array.set(new Float32Array(runner.memory.buffer, copy, array.length));
}
