/**
 * Memory of a SIMD build, and how its kernels run in it: over a range of independent units of work, cut into chunks that
 * the calling thread and its helpers take as they come. Units write to places of their own and sum in an order of their
 * own, so that results are the same for any number of threads and any order of chunks.
 */
import { Worker } from "node:worker_threads";
import { InputError } from "../../../core/input/input-error.ts";
import { loadModule, type ModuleName } from "./module.ts";
import { CONTROL, type HelperData, helperMain, type Kernels } from "./thread.ts";

/** Memory and execution of a SIMD build. */
export interface Runner {
  readonly name: ModuleName;
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
  /** Address of `bytes` zeroed bytes, aligned to 64. Memory may grow: take views after it. */
  allocate(bytes: number): number;
  /** kernel(...args, from, to) over all of [0, units), split among the threads; units must not write to the same place. */
  run(kernel: string, units: number, ...args: number[]): void;
  /** kernel(...args) on the calling thread. */
  call(kernel: string, ...args: number[]): number;
  /** Ends the helpers; what runs later runs on the calling thread. */
  close(): void;
}

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
const ALIGNMENT = 64;
/** Chunks that a thread takes of a job, about: more of them even out threads that are held up. */
const CHUNKS_PER_THREAD = 4;
const MAX_ARGUMENTS = (CONTROL.bytes - CONTROL.arguments) / Float64Array.BYTES_PER_ELEMENT;
/** The chunk counter goes one beyond the chunks for every thread, and the last number means none. */
const MAX_CHUNKS = 1 << (CONTROL.chunkBits - 1);
/** Jobs after which generations repeat. */
const GENERATIONS = 1 << 20;

/**
 * A runner of that build on the calling thread and `threads − 1` helpers, which end with the process or when it is closed.
 * @throws Error where the build does not run or its memory cannot be had.
 */
export function createRunner(name: ModuleName, threads = 1): Runner {
  const module = loadModule(name);
  const memory = reserve(name);
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels;
  // Address 0 is never given out.
  let next = ALIGNMENT;
  const runner: Runner = {
    name,
    memory,
    threads,
    allocate(bytes) {
      const address = next;
      const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
      const missing = end - memory.buffer.byteLength;
      if (missing > 0) grow(name, memory, missing);
      next = end;
      return address;
    },
    run: (kernel, units, ...args) => void exports[kernel](...args, 0, units),
    call: (kernel, ...args) => exports[kernel](...args),
    close: () => undefined,
  };
  return threads === 1 ? runner : { ...runner, ...withHelpers(runner, module, exports) };
}

function reserve(name: ModuleName): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true });
  } catch (cause) {
    throw new InputError(
      [`kernels: build "${name}" finds no room for 4 GiB of addresses; valid: js, which needs none`],
      {
        cause,
      },
    );
  }
}

function grow(name: ModuleName, memory: WebAssembly.Memory, bytes: number): void {
  try {
    memory.grow(Math.ceil(bytes / PAGE_BYTES));
  } catch (cause) {
    const needed = ((memory.buffer.byteLength + bytes) / 2 ** 30).toFixed(1);
    throw new InputError(
      [
        `kernels: tensors need ${needed} GiB, for which build "${name}" has no room; valid: at most 4, by a smaller batch`,
      ],
      { cause },
    );
  }
}

/** Starts the helpers; returns how a kernel runs with them, and how they end. */
function withHelpers(
  { memory, threads, allocate }: Runner,
  module: WebAssembly.Module,
  exports: Kernels,
): Pick<Runner, "run" | "close"> {
  const address = allocate(CONTROL.bytes);
  const kernels = Object.keys(exports);
  const indexOf = new Map(kernels.map((kernel, index) => [kernel, index]));
  const workerData: HelperData = { module, memory, kernels, address, control: CONTROL };
  for (let helper = 1; helper < threads; helper++) {
    // A transpiler that keeps names wraps functions in `__name`.
    const source = `const __name = (f) => f; (${helperMain})(require("node:worker_threads").workerData)`;
    new Worker(source, { eval: true, workerData, execArgv: [] }).unref();
  }
  const words = new Int32Array(memory.buffer, address, CONTROL.words);
  const values = new Float64Array(memory.buffer, address + CONTROL.arguments, MAX_ARGUMENTS);
  const chunkMask = (1 << CONTROL.chunkBits) - 1;
  let generation = 0;

  const close = () => {
    Atomics.store(words, CONTROL.stopped, 1);
    generation = (generation + 1) % GENERATIONS;
    Atomics.store(words, CONTROL.generation, generation);
    Atomics.notify(words, CONTROL.generation);
  };
  const run: Runner["run"] = (kernel, units, ...args) => {
    const call = exports[kernel];
    const size = Math.ceil(units / Math.min(threads * CHUNKS_PER_THREAD, MAX_CHUNKS));
    const chunks = Math.ceil(units / size);
    if (!(chunks > 1) || words[CONTROL.stopped] !== 0) {
      call(...args, 0, units);
      return;
    }
    // A helper that is late may read a mixture of two jobs: with no chunk of its generation left it cannot take one.
    generation = (generation + 1) % GENERATIONS;
    Atomics.store(words, CONTROL.next, (generation << CONTROL.chunkBits) | chunkMask);
    words[CONTROL.kernel] = indexOf.get(kernel) as number;
    words[CONTROL.argumentCount] = args.length;
    words[CONTROL.units] = units;
    words[CONTROL.size] = size;
    words[CONTROL.chunks] = chunks;
    values.set(args);
    Atomics.store(words, CONTROL.finished, 0);
    Atomics.store(words, CONTROL.next, generation << CONTROL.chunkBits);
    Atomics.store(words, CONTROL.generation, generation);
    Atomics.notify(words, CONTROL.generation);
    for (;;) {
      const chunk = Atomics.add(words, CONTROL.next, 1) & chunkMask;
      if (chunk >= chunks) break;
      call(...args, chunk * size, Math.min(units, (chunk + 1) * size));
      Atomics.add(words, CONTROL.finished, 1);
    }
    let finished = Atomics.load(words, CONTROL.finished);
    for (let spin = 0; finished < chunks; spin++) {
      if (spin > CONTROL.spins) Atomics.wait(words, CONTROL.finished, finished);
      finished = Atomics.load(words, CONTROL.finished);
    }
    if (words[CONTROL.failed] !== 0) throw new Error(`kernel ${kernel} failed in a helper thread`);
  };
  return { run, close };
}
