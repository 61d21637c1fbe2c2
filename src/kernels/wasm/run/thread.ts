/**
 * What the threads of a runner share: a control block in the kernels' memory that holds one job at a time, and the loop of
 * a helper thread. A job is a kernel, its arguments and chunks of units; `next` hands out chunks and carries the job's
 * generation, so that a helper that wakes up late takes nothing of a job that it has not read.
 */

/** 32-bit words of the control block; the job's arguments follow as 64-bit floats. */
export const CONTROL = {
  /** Number of the job; helpers wait for it to change. */
  generation: 0,
  /** generation · 2^chunkBits + next chunk. */
  next: 1,
  /** Chunks that are done. */
  finished: 2,
  /** 1 once a kernel has failed in a helper. */
  failed: 3,
  kernel: 4,
  argumentCount: 5,
  units: 6,
  /** Units of a chunk. */
  size: 7,
  chunks: 8,
  /** 1 once the helpers are to end. */
  stopped: 9,
  words: 10,
  /** Byte at which the arguments begin, and the size of the block. */
  arguments: 64,
  bytes: 512,
  chunkBits: 10,
  /** Looks at a word before a thread sleeps on it. */
  spins: 2000,
} as const;

/** The exported kernels by name. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

/** What a helper is given. */
export interface HelperData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly kernels: readonly string[];
  /** Address of the control block. */
  readonly address: number;
  readonly control: typeof CONTROL;
}

/** The loop of a helper. It runs from its source text in a thread of its own: it may use nothing from outside. */
export function helperMain({ module, memory, kernels, address, control }: HelperData): void {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels;
  const words = new Int32Array(memory.buffer, address, control.words);
  const values = new Float64Array(memory.buffer, address + control.arguments, (control.bytes - control.arguments) / 8);
  const chunkMask = (1 << control.chunkBits) - 1;
  let seen = 0;
  for (;;) {
    let generation = Atomics.load(words, control.generation);
    for (let spin = 0; generation === seen; spin++) {
      if (spin > control.spins) Atomics.wait(words, control.generation, seen);
      generation = Atomics.load(words, control.generation);
    }
    seen = generation;
    if (Atomics.load(words, control.stopped) !== 0) return;
    const call = exports[kernels[words[control.kernel]]];
    const args = Array.from(values.subarray(0, words[control.argumentCount]));
    const [units, size, chunks] = [words[control.units], words[control.size], words[control.chunks]];
    for (;;) {
      const next = Atomics.load(words, control.next);
      const chunk = next & chunkMask;
      if (next >>> control.chunkBits !== generation || chunk >= chunks) break;
      if (Atomics.compareExchange(words, control.next, next, next + 1) !== next) continue;
      try {
        call(...args, chunk * size, Math.min(units, (chunk + 1) * size));
      } catch {
        Atomics.store(words, control.failed, 1);
      }
      if (Atomics.add(words, control.finished, 1) + 1 === chunks) Atomics.notify(words, control.finished);
    }
  }
}
